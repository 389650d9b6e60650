"""A person's right to see what is kept about him, and to be forgotten."""
