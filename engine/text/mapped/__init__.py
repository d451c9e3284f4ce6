"""Languages that no released weights have learned, read in the nearest phonemes that they know.

espeak-ng gives the pronunciation in IPA; `sounds.tsv` says, with a reason for each choice, which
phonemes of English (and for ü of Mandarin) come nearest. A listener hears a foreign accent.
"""
