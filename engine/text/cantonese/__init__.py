"""Cantonese: Chinese normalization and Jyutping syllables in two phonemes each."""
