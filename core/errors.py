"""Every error that crosses a module boundary; its docstring's first line is its message."""

from __future__ import annotations


class ContactCenterError(Exception):
    """Something in the contact center went wrong."""

    def __init__(self, detail: str = "") -> None:
        self.detail = detail or (type(self).__doc__ or "").strip().partition("\n")[0]
        super().__init__(self.detail)


class BadInput(ContactCenterError):
    """What was sent cannot be used."""


class SetupError(ContactCenterError):
    """The process cannot start with these settings on this machine."""


class NotFound(ContactCenterError):
    """There is no such thing, or it is not yours to see."""


class Forbidden(ContactCenterError):
    """Your role does not allow this."""


class StoreUnavailable(ContactCenterError):
    """The store does not answer; nothing was changed."""


class OtherRelease(StoreUnavailable):
    """A process of another release stands in the way; nothing was changed."""


class DiskFull(StoreUnavailable):
    """The disk is full, so nothing can be stored; it goes on as soon as there is room."""


class StaleConversation(ContactCenterError):
    """Somebody else wrote to this conversation first; read it again and decide again."""


class AlreadyDecided(ContactCenterError):
    """Somebody else decided this first."""

    def __init__(self, *, decided_by: str, decision: str) -> None:
        self.decided_by = decided_by
        self.decision = decision
        super().__init__(f"{decided_by} was first: {decision}.")


class NotYours(ContactCenterError):
    """Another person holds this conversation."""

    def __init__(self, *, held_by: str) -> None:
        self.held_by = held_by
        super().__init__(f"{held_by} holds this conversation.")


class ChannelError(ContactCenterError):
    """A channel cannot do its work."""


class ChannelNotReady(ChannelError):
    """The vendor cannot be reached just now; the host tries again by itself."""


class ChannelAuthFailed(ChannelError):
    """The vendor refuses our credentials; an admin has to change them."""


class DeliveryFailed(ChannelError):
    """The vendor will never take this message."""

    def __init__(self, detail: str = "", *, code: str = "") -> None:
        self.code = code
        super().__init__(detail)


class DeliveryDeferred(ChannelError):
    """The vendor does not take this message now, and has certainly not sent it.

    `retry_after` is in seconds; None leaves the pace to the outbox. `parts_done` parts of a split
    message did go out (those the outbox had asked to skip included): the next attempt skips them.
    """

    def __init__(
        self, detail: str = "", *, retry_after: float | None = None, parts_done: int = 0
    ) -> None:
        self.retry_after = retry_after
        self.parts_done = parts_done
        super().__init__(detail)


class DeliveryUnknown(ChannelError):
    """The connection broke after the message left; the vendor may or may not have sent it.

    `parts_done` parts of a split message are certain; the one after them is not.
    """

    def __init__(self, detail: str = "", *, parts_done: int = 0) -> None:
        self.parts_done = parts_done
        super().__init__(detail)


class DeliveryAwaitsCustomer(ChannelError):
    """The medium can only answer: this goes out with the customer's next message.

    Only a channel whose capabilities say `answers_only` may raise it. `parts_done` parts of a
    split message are out (those the outbox had asked to skip included).
    """

    def __init__(self, detail: str = "", *, parts_done: int = 0) -> None:
        self.parts_done = parts_done
        super().__init__(detail)


class AttachmentRefused(ChannelError):
    """The vendor will never give this file; the sentence says why, for agents."""


class WebhookRefused(ChannelError):
    """The request is not signed by the vendor."""
