"""Reads the files of office programs: documents, sheets, slides, books."""
