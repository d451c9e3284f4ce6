"""The command line: run the server, and speak to one."""
