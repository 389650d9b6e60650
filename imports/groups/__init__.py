"""Groups of past questions: read from conversations, kept, offered and decided."""
