"""Who may what: roles and scopes, accounts, sessions, tokens, throttling, the audit key."""
