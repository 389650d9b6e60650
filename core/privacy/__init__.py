"""Data-subject rights: exports, erases and retains what is kept about a person."""
