"""Proves that the channel keeps the promises; run by pytest or `bot.py plugins test email`."""

from __future__ import annotations

from typing import ClassVar

from core.sdk.testing.contract import ChannelContract
from core.sdk.testing.vendor import VendorSimulator

from .channel import plugin
from .simulator import EmailServer


class TestEmail(ChannelContract):
    """All tests come from ChannelContract."""

    plugin = plugin
    channel_id = "email"
    exempt: ClassVar = {
        "test_a_forged_event_is_refused_and_leaves_nothing": (
            "we fetch the letters ourselves: there is no door to forge at"
        ),
    }

    def vendor(self) -> VendorSimulator:
        """A new mail service."""
        return EmailServer()
