"""Japanese: OpenJTalk's labels as phonemes with accent marks."""
