"""The service: everything with a socket, a disk or a clock."""
