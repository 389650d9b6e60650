"""Normalizes Twilio's webhook parameters into inbound messages; pure."""

from __future__ import annotations

from collections.abc import Mapping

from channels.sms.errors import Remedy, meaning
from core.domain.messages import (
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

TAKEN_BY_TWILIO = {
    **dict.fromkeys(
        ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"),
        InboundKind.OPT_OUT,
    ),
    **dict.fromkeys(("START", "UNSTOP"), InboundKind.OPT_IN),
    **dict.fromkeys(("HELP", "INFO"), InboundKind.HELP),
}
"""Words on which Twilio itself acts when they stand alone: from then on it blocks the number.

What customers say in other words, the core reads (`core.nlu.consent`). It also knows whether START
and YES mean consent: only of who has opted out. To everybody else "Yes" is an answer.
"""

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


def is_status(form: Mapping[str, str], *, posted_as: str) -> bool:
    """Whether a form tells what became of a message of ours, by what it says of itself.

    By the address it came to (`posted_as`, "sms" or "status") only where it does not say: whoever
    enters the two addresses the wrong way round at Twilio loses neither words nor outcomes.
    """
    told = form.get("MessageStatus") or form.get("SmsStatus", "")
    return told not in ("received", "receiving") if told else posted_as == "status"


def to_inbound(form: Mapping[str, str], *, account: str, token: str = "") -> InboundMessage | None:
    """The customer's message, or None when the form holds none.

    `account` is our configured number or Messaging Service; a message to another one of ours is
    never dropped but keeps the account it came to, so that the answer leaves from there.
    """
    sender, sid = form.get("From", ""), form.get("MessageSid") or form.get("SmsSid", "")
    if not sender or not (sid or token):
        return None
    body, attachments = words(form), _attachments(form)
    kind, value = _kind(form, body), ""
    if kind is InboundKind.MESSAGE and not (body.strip() or attachments):
        kind, value = InboundKind.UNREADABLE, form.get("MessageType") or "message"
    return InboundMessage(
        address=_address(form, account=account, ours="To", theirs="From"),
        external_id=sid or token,
        sender=Sender(id=sender, name=form.get("ProfileName", "")),
        text=body,
        kind=kind,
        value=value,
        attachments=attachments,
    )


def words(form: Mapping[str, str]) -> str:
    """The customer's words; a pressed suggestion or a place (RCS) as text too."""
    body = form.get("Body", "") or form.get("ButtonText", "") or form.get("ButtonPayload", "")
    if not (form.get("Latitude") and form.get("Longitude")):
        return body
    named = ", ".join(form[name] for name in ("Label", "Address") if form.get(name))
    place = f"📍 {form['Latitude']}, {form['Longitude']}" + (f" ({named})" if named else "")
    return f"{body}\n{place}" if body.strip() else place


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
    return advanced or TAKEN_BY_TWILIO.get(body.strip().upper(), InboundKind.MESSAGE)


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
