"""Reads files of strangers in a process of its own: pictures, documents, recordings."""
