"""Proves that the channel keeps the promises; run by pytest or `bot.py plugins test kakaotalk`."""

from __future__ import annotations

from typing import ClassVar

from core.sdk.testing.contract import ChannelContract
from core.sdk.testing.vendor import VendorSimulator

from .channel import plugin
from .simulator import KakaotalkServer

NO_CREDENTIALS = "the one-time address is all the right we have at Kakao's; there is no credential"


class TestKakaotalk(ChannelContract):
    """All tests come from ChannelContract."""

    plugin = plugin
    channel_id = "kakaotalk"
    exempt: ClassVar = {
        "test_wrong_credentials_ask_the_admin": NO_CREDENTIALS,
        "test_withdrawn_credentials_ask_the_admin": NO_CREDENTIALS,
    }

    def vendor(self) -> VendorSimulator:
        """A new KakaoTalk."""
        return KakaotalkServer()
