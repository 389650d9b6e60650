"""The version of the program; `pyproject.toml` says the same, which a test holds it to."""

VERSION = "0.1.0"
