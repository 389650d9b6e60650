"""Reads Twilio's webhook parameters into our words; pure."""

from __future__ import annotations

from collections.abc import Mapping

from channels.sms.codes import Remedy, meaning
from core.messages import (
    Address,
    Attachment,
    DeliveryState,
    InboundKind,
    InboundMessage,
    Receipt,
    Sender,
)

CHANNEL = "sms"
AGAIN_AFTER = 60.0  #: seconds until a message that may get through is tried once more

CONSENT = {
    **dict.fromkeys(
        ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"),
        InboundKind.OPT_OUT,
    ),
    **dict.fromkeys(("START", "YES", "UNSTOP"), InboundKind.OPT_IN),
    **dict.fromkeys(("HELP", "INFO"), InboundKind.HELP),
}
"""Words that mean this when they stand alone; Twilio answers them itself and forwards them."""

_OPT_OUT_TYPES = {
    "STOP": InboundKind.OPT_OUT,
    "START": InboundKind.OPT_IN,
    "HELP": InboundKind.HELP,
}

_STATES = {
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "partially_delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "undelivered": DeliveryState.FAILED,
    "failed": DeliveryState.FAILED,
    "canceled": DeliveryState.FAILED,
}


def to_inbound(form: Mapping[str, str], *, account: str, token: str = "") -> InboundMessage | None:
    """The customer's message, or None when the form holds none.

    `account` is our configured number or Messaging Service; a message to another one of ours is
    never dropped but keeps the account it came to, so that the answer leaves from there.
    """
    sender, sid = form.get("From", ""), form.get("MessageSid") or form.get("SmsSid", "")
    if not sender or not (sid or token):
        return None
    body = form.get("Body", "")
    kind = _kind(form, body)
    return InboundMessage(
        address=_address(form, account=account, ours="To", theirs="From"),
        external_id=sid or token,
        sender=Sender(id=sender, name=form.get("ProfileName", "")),
        text=body,
        kind=kind,
        attachments=_attachments(form),
    )


def to_receipt(form: Mapping[str, str], *, account: str) -> Receipt | None:
    """What became of a message of ours; None for the steps before it left Twilio."""
    sid = form.get("MessageSid") or form.get("SmsSid", "")
    state = _STATES.get(form.get("MessageStatus") or form.get("SmsStatus", ""))
    if not sid or state is None:
        return None
    code = form.get("ErrorCode", "").strip()
    code = "" if code == "0" else code
    return Receipt(
        address=_address(form, account=account, ours="From", theirs="To"),
        external_id=sid,
        state=state,
        code=code,
        detail=meaning(code).words if code else "",
        again_after=AGAIN_AFTER if code and meaning(code).remedy is Remedy.RETRY else 0.0,
    )


def _address(form: Mapping[str, str], *, account: str, ours: str, theirs: str) -> Address:
    service, number = form.get("MessagingServiceSid", ""), form.get(ours, "")
    ours_now = account if account in (service, number) else service or number or account
    return Address(channel=CHANNEL, account=ours_now, chat=form.get(theirs, ""))


def _kind(form: Mapping[str, str], body: str) -> InboundKind:
    advanced = _OPT_OUT_TYPES.get(form.get("OptOutType", "").upper())
    return advanced or CONSENT.get(body.strip().upper(), InboundKind.MESSAGE)


def _attachments(form: Mapping[str, str]) -> tuple[Attachment, ...]:
    count = form.get("NumMedia", "0")
    found: list[Attachment] = []
    for index in range(min(int(count), 10) if count.isdecimal() else 0):
        media_type = form.get(f"MediaContentType{index}", "")
        kind = media_type.partition("/")[0]
        found.append(
            Attachment(
                kind=kind if kind in {"image", "audio", "video"} else "file",
                url=form.get(f"MediaUrl{index}", ""),
                media_type=media_type,
            )
        )
    return tuple(found)
