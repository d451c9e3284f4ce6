"""What listens to sentences before they are heard: see `engine.pipeline.checks.Verifier`."""
