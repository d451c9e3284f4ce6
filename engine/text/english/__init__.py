"""English: a normalizer, homographs, dictionary lookup and a small network for other words."""
