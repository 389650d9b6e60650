"""Errors of the knowledge base and its search."""

from __future__ import annotations

from core.errors import BadInput, ContactCenterError


class VectorsUnavailable(ContactCenterError):
    """The search does not answer just now."""


class UnreadableDocument(BadInput):
    """This document cannot be read."""

    def __init__(self, source: str, why: str) -> None:
        self.source = source
        self.why = why
        super().__init__(f"{source}: {why}")
