"""Mandarin: normalizer, word cutting, tone sandhi, erhua and pinyin to symbols."""
