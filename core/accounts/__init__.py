"""Staff accounts: roles, sessions, sign-in, tokens and the audit."""
