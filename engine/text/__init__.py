"""Text to phonemes, free of torch."""
