"""The lateness of messages that lay at the vendor's while nobody here heard."""

from __future__ import annotations

from datetime import datetime, timedelta

LATE = timedelta(minutes=5)  #: from then on it is marked; vendors need a moment themselves
TOO_LATE = timedelta(days=1)  #: older than this a person looks first: much may have happened


def is_late(sent_at: datetime | None, received_at: datetime) -> bool:
    """Whether it was written so long before it was received that people should know."""
    return sent_at is not None and received_at - sent_at >= LATE


def is_too_late(sent_at: datetime | None, received_at: datetime) -> bool:
    """Whether it lay so long that no answer goes out without a person."""
    return sent_at is not None and received_at - sent_at > TOO_LATE
