"""Operators' files: settings, prompts, and the words and patterns of each language."""
