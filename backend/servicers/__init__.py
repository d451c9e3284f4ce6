"""The services: they convert, delegate and return."""
