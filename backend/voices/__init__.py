"""Voices: those of the bundle and those that users bring."""
