"""SMS through Twilio keeps the promises of a channel."""

from __future__ import annotations

from channels.sms.channel import plugin as sms
from core.sdk.testing.contract import ChannelContract
from core.sdk.testing.vendor import VendorSimulator
from tests.contract.sms_vendor import SmsVendor


class TestSms(ChannelContract):
    plugin = sms
    channel_id = "sms"

    def vendor(self) -> VendorSimulator:
        return SmsVendor()
