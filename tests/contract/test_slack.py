"""Slack keeps the promises of a channel, over HTTP and over Socket Mode."""

from __future__ import annotations

from typing import ClassVar

from channels.slack.channel import plugin as slack
from core.sdk.testing.contract import ChannelContract
from core.sdk.testing.vendor import VendorSimulator
from tests.contract.slack_vendor import SlackVendor


class TestSlackOverHttp(ChannelContract):
    plugin = slack
    channel_id = "slack"

    def vendor(self) -> VendorSimulator:
        return SlackVendor(socket=False)


class TestSlackOverSocketMode(ChannelContract):
    plugin = slack
    channel_id = "slack"
    public_url = ""
    exempt: ClassVar = {
        "test_a_forged_event_is_refused_and_leaves_nothing": (
            "we open the socket ourselves: there is no door to forge at"
        ),
    }

    def vendor(self) -> VendorSimulator:
        return SlackVendor(socket=True)
