"""Translates Slack's errors into those of a channel."""

from __future__ import annotations

from core.errors import (
    ChannelAuthFailed,
    ChannelError,
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
)
from core.slack.errors import SlackError, SlackLater, SlackUnauthorized, SlackUnknown


def while_starting(error: SlackError) -> ChannelError:
    """Before we are connected."""
    if isinstance(error, SlackUnauthorized):
        return ChannelAuthFailed(f"Slack refuses the token ({error.code}).")
    return ChannelNotReady(f"Slack cannot be reached ({error.code}).")


def while_sending(error: SlackError, *, parts_done: int) -> ChannelError:
    """For a message whose first parts have gone out, and whose next one was just handed over."""
    match error:
        case SlackLater():
            return DeliveryDeferred(
                f"Slack does not take it now ({error.code}).",
                retry_after=error.after,
                parts_done=parts_done,
            )
        case SlackUnauthorized():
            return ChannelAuthFailed(f"Slack refuses the token ({error.code}).")
        case SlackUnknown():
            return DeliveryUnknown(f"Slack has a fault ({error.code}).", parts_done=parts_done)
        case _:
            return DeliveryFailed(f"Slack refuses the message ({error.code}).", code=error.code)
