"""Tests of engine/voices."""
