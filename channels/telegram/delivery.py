"""The way of updates to us, by webhook or by asking, and the proof that it is still ours."""

from __future__ import annotations

import logging
from typing import Any, Protocol
from urllib.parse import urlsplit

from channels.telegram.errors import NotSupported
from core.errors import ChannelNotReady, DeliveryDeferred


class Asks(Protocol):
    """The port to the Bot API."""

    async def me(self) -> object:
        """Whether the token still holds. Raises ChannelAuthFailed, ChannelNotReady."""
        ...

    async def set_webhook(self, *, url: str, secret: str) -> None:
        """Have updates sent there. Raises NotSupported when Telegram does not take the address."""
        ...

    async def delete_webhook(self) -> None:
        """Have updates wait to be asked for; none of them is dropped."""
        ...

    async def webhook_info(self) -> dict[str, Any]:
        """What Telegram says of the webhook. Raises NotSupported where it says nothing."""
        ...


async def begin(api: Asks, *, url: str, secret: str, logger: logging.Logger) -> str:
    """Have updates sent to our address; gives it, or "" where we have to ask for them."""
    if url and secret:
        try:
            await api.set_webhook(url=url, secret=secret)
        except NotSupported as error:
            logger.warning("Telegram does not take %s as a webhook (%s); polling.", url, error)
        else:
            return url
    try:
        await api.delete_webhook()
    except (NotSupported, DeliveryDeferred) as error:
        logger.info("An old webhook could not be removed: %s", error)
    return ""


async def probe(api: Asks, *, url: str) -> None:
    """Whether updates still go to this address ("": wait for us to ask).

    Raises ChannelNotReady, naming who has them now, and ChannelAuthFailed.
    """
    try:
        there = str((await api.webhook_info()).get("url") or "")
    except DeliveryDeferred:
        return  # too many requests: it answers
    except NotSupported:
        await api.me()
        return
    if there == url:
        return
    if not there:
        raise ChannelNotReady(
            "Another program has removed this bot's webhook and may be taking its messages. "
            "Stop it, or give this desk a bot of its own."
        )
    raise ChannelNotReady(
        f"Another program takes this bot's messages: Telegram sends them to {_host(there)}. "
        "Stop it, or give this desk a bot of its own."
    )


async def waiting(api: Asks) -> str:
    """What Telegram has not been able to bring, in words; "" where nothing waits."""
    try:
        about = await api.webhook_info()
    except (NotSupported, DeliveryDeferred):
        return ""
    count, why = about.get("pending_update_count"), str(about.get("last_error_message") or "")
    if not isinstance(count, int) or not count or not why:
        return ""
    return f"; {count} updates wait at Telegram, which says: {why}"


def _host(url: str) -> str:
    """Of a foreign address only the host: the rest may be a secret of somebody's."""
    return urlsplit(url).hostname or "another address"
