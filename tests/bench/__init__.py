"""Benchmarks: how fast the parts and the service are, beside what the machine could do."""
