"""The command line of ``terang-api``: accounts, tokens and the audit log at the server's terminal."""
