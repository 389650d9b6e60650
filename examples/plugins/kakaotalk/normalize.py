"""Turns what the chatbot asks its skill into our words; pure, so that it is easy to test."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from core.domain.messages import Address, Attachment, InboundKind, InboundMessage, Sender

from .phrases import SPOKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call of the skill: the customer's message, and where its answer may go, once."""

    message: InboundMessage
    bot_id: str
    callback_url: str  #: "" where the block has no callback
    locale: str


def to_asked(payload: dict[str, Any], *, channel_id: str) -> Asked:
    """What the skill is asked. Raises KeyError, TypeError, ValueError for anything else."""
    request = payload["userRequest"]
    user, bot_id = request["user"], str(payload["bot"]["id"])
    callback_url = str(request.get("callbackUrl") or "")
    text = str(request["utterance"]).strip()
    kind, value = SPOKEN.get(text, (InboundKind.MESSAGE, ""))
    locale = "en" if str(request.get("lang") or "ko").lower().startswith("en") else "ko"
    attachments = _media(request.get("params"))
    if attachments and text.startswith(("http://", "https://")):
        text = ""  # of a photo the utterance is only its address
    return Asked(
        message=InboundMessage(
            address=Address(channel=channel_id, account=bot_id, chat=str(user["id"])),
            # Kakao gives its events no id; the one-time address is new at every one of them.
            # Only its hash is kept: who holds the address may speak to the customer.
            external_id=hashlib.sha256(callback_url.encode()).hexdigest()[:32],
            sender=Sender(id=str(user["id"]), locale=locale),
            text=text,
            kind=kind,
            value=value,
            attachments=attachments,
        ),
        bot_id=bot_id,
        callback_url=callback_url,
        locale=locale,
    )


def _media(params: object) -> tuple[Attachment, ...]:
    media = params.get("media") if isinstance(params, dict) else None
    if not isinstance(media, dict) or not media.get("url"):
        return ()
    return (Attachment(kind=str(media.get("type") or "file"), url=str(media["url"])),)
