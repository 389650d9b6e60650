"""Backups: one file that holds a whole deployment, made while it serves, and restored elsewhere."""
