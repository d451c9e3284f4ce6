"""The recipe of the starter bundle: synthetic speech in, a small GPT-SoVITS v2 out."""
