"""Chunks of speech in, bytes of a file format out, while the speech is still being made."""

from backend.encoding.streams import ENCODINGS, Encoding, StreamEncoder, check_rate, open_encoder
from backend.encoding.wav import wav_file

__all__ = ["ENCODINGS", "Encoding", "StreamEncoder", "check_rate", "open_encoder", "wav_file"]
