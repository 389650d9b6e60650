"""The program's version; the package, the API and releases read it here."""

VERSION = "0.1.0"
