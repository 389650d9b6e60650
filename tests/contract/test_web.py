"""The web channel keeps those promises that a channel without a vendor can make.

Nobody stands between the customer and us: what comes in is the conversations API's, what goes out
lies in the log, where the page fetches it. So the customer's page is the simulator here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from channels.web.channel import WebChannel, WebChannelSettings
from core.domain.messages import Address, Delivery, InboundMessage, OutboundMessage, Sender
from core.errors import ContactCenterError
from core.sdk.channel import Channel
from core.sdk.plugin import ChannelContext, ChannelPlugin
from core.sdk.testing.contract import ChannelContract
from core.sdk.testing.vendor import Arrived, Fault, VendorSimulator, Written

NO_VENDOR = "no vendor stands between the customer and us, so none can fail in this way"
NO_WEBHOOK = "nobody calls this channel; tests/core/web forge, garble and flood the API it has"
NO_SETTINGS = "there is nothing to set, so nothing can be wrong or secret"


class Page:
    """A browser: it writes by the API into the channel, and fetches what lies in the log."""

    def __init__(self) -> None:
        self.shown: list[Arrived] = []

    async def start(self) -> None:
        """Nothing listens: browsers call us."""

    async def stop(self) -> None:
        """Nothing listened."""

    def settings(self) -> Mapping[str, Any]:
        return {}

    def wrong_settings(self) -> Mapping[str, Any]:
        return {}

    def address(self, customer: str) -> Address:
        return Address(channel="web", account="web", chat=customer)

    async def write(self, channel: Channel, written: Written) -> int:
        assert isinstance(channel, OnPage)
        message = InboundMessage(
            address=self.address(written.customer),
            external_id=f"{written.customer}/{written.event_id}",
            sender=Sender(id=written.customer),
            text=written.text,
        )
        try:
            await channel.receive(message)
        except ContactCenterError:
            return 503
        return 202

    async def forge(self, channel: Channel, written: Written) -> int:
        raise NotImplementedError(NO_WEBHOOK)

    def fail(self, fault: Fault, *, times: int = 1) -> None:
        raise NotImplementedError(NO_VENDOR)

    def arrived(self) -> Sequence[Arrived]:
        return list(self.shown)


class OnPage(WebChannel):
    """The channel and the page that it serves."""

    def __init__(self, settings: WebChannelSettings, context: ChannelContext, page: Page) -> None:
        super().__init__(settings, context)
        self._page = page

    async def send(self, message: OutboundMessage) -> Delivery:
        delivery = await super().send(message)
        self._page.shown.append(Arrived(customer=message.address.chat, text=message.text))
        return delivery


class TestWeb(ChannelContract):
    channel_id = "web"
    exempt: ClassVar = {
        **dict.fromkeys(
            (
                "test_a_forged_event_is_refused_and_leaves_nothing",
                "test_garbage_is_refused_and_the_channel_lives_on",
            ),
            NO_WEBHOOK,
        ),
        **dict.fromkeys(
            (
                "test_a_rate_limit_is_obeyed",
                "test_a_server_error_is_tried_again",
                "test_an_outage_is_tried_again",
                "test_a_lost_answer_is_unknown_and_reconciled_where_it_can_be",
                "test_a_refused_message_fails_for_good",
                "test_a_slow_vendor_holds_up_nobody",
                "test_withdrawn_credentials_ask_the_admin",
                "test_a_vendor_that_is_down_at_the_start_is_not_an_admins_matter",
            ),
            NO_VENDOR,
        ),
        "test_wrong_credentials_ask_the_admin": NO_SETTINGS,
        "test_its_secrets_are_secret": NO_SETTINGS,
        "test_characters_of_markup_arrive_as_they_are": (
            "the page draws the markup; tests/browser and tests/core/rendering look at it"
        ),
    }

    def vendor(self) -> VendorSimulator:
        page = Page()
        self.plugin = ChannelPlugin(  # type: ignore[misc]  # one page to a bench
            settings=WebChannelSettings,
            create=lambda settings, context: OnPage(settings, context, page),
        )
        return page
