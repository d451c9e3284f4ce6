"""Rows in SQLite, blobs in a folder; both survive a kill at any moment."""
