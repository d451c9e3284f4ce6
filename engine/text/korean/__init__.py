"""Korean: Latin letters by name, pronunciation rules, and syllables as jamo."""
