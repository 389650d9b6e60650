"""Telegram keeps the promises of a channel, called by webhook and by long polling."""

from __future__ import annotations

from typing import ClassVar

from channels.telegram.channel import plugin as telegram
from core.sdk.testing.contract import ChannelContract
from core.sdk.testing.vendor import VendorSimulator
from tests.contract.telegram_vendor import TelegramVendor


class TestTelegramByWebhook(ChannelContract):
    plugin = telegram
    channel_id = "telegram"

    def vendor(self) -> VendorSimulator:
        return TelegramVendor(webhook=True)


class TestTelegramByPolling(ChannelContract):
    plugin = telegram
    channel_id = "telegram"
    public_url = ""
    exempt: ClassVar = {
        "test_a_forged_event_is_refused_and_leaves_nothing": (
            "we fetch the updates ourselves: there is no door to forge at"
        ),
    }

    def vendor(self) -> VendorSimulator:
        return TelegramVendor(webhook=False)
