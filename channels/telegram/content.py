"""Reads the content of a Telegram message: its words and those that it points at; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.domain.messages import Pointing, Quoted

_ENVELOPE = frozenset(
    {
        "author_signature", "business_connection_id", "caption", "caption_entities", "chat",
        "date", "direct_messages_topic", "edit_date", "effect_id", "entities", "external_reply",
        "forward_date", "forward_from", "forward_from_chat", "forward_from_message_id",
        "forward_origin", "forward_sender_name", "forward_signature", "from",
        "has_media_spoiler", "has_protected_content", "is_automatic_forward",
        "is_from_offline", "is_paid_post", "is_topic_message", "link_preview_options",
        "media_group_id", "message_id", "message_thread_id", "paid_star_count", "quote",
        "reply_markup", "reply_to_checklist_task_id", "reply_to_message", "reply_to_poll_option_id",
        "reply_to_story", "sender_boost_count", "sender_business_bot", "sender_chat", "sender_tag",
        "show_caption_above_media", "suggested_post_info", "text", "via_bot",
    }
)  # fmt: skip
"""Fields about a message; every other one is what it holds."""

_SERVICE = frozenset(
    {
        "boost_added", "channel_chat_created", "chat_background_set", "chat_owner_changed",
        "chat_owner_left", "chat_shared", "checklist_tasks_added", "checklist_tasks_done",
        "connected_website", "delete_chat_photo", "direct_message_price_changed",
        "forum_topic_closed", "forum_topic_created", "forum_topic_edited", "forum_topic_reopened",
        "general_forum_topic_hidden", "general_forum_topic_unhidden", "gift",
        "gift_upgrade_sent", "giveaway_completed", "giveaway_created", "group_chat_created",
        "left_chat_member", "left_chat_participant", "managed_bot_created",
        "message_auto_delete_timer_changed", "migrate_from_chat_id", "migrate_to_chat_id",
        "new_chat_member", "new_chat_members", "new_chat_participant", "new_chat_photo",
        "new_chat_title", "paid_message_price_changed", "passport_data", "pinned_message",
        "poll_option_added", "poll_option_deleted", "proximity_alert_triggered",
        "refunded_payment", "successful_payment", "suggested_post_approval_failed",
        "suggested_post_approved", "suggested_post_declined", "suggested_post_paid",
        "suggested_post_refunded", "supergroup_chat_created", "unique_gift", "users_shared",
        "video_chat_ended", "video_chat_participants_invited", "video_chat_scheduled",
        "video_chat_started", "voice_chat_ended", "voice_chat_participants_invited",
        "voice_chat_scheduled", "voice_chat_started", "web_app_data", "write_access_allowed",
    }
)  # fmt: skip
"""What Telegram itself tells of a chat; nobody has said it."""

_READ_AS_TEXT = ("venue", "location", "contact", "poll")


def words(message: Mapping[str, Any], *, without: tuple[int, int] = (0, 0)) -> str:
    """The message's text, a place, a contact or a poll as text too, its links written out.

    `without` is a piece that is left out, from and to in UTF-16 units of the text.
    """
    said = _written_out(message, without)
    drawn = next((w for name in _READ_AS_TEXT if (w := _drawn(name, message.get(name)))), "")
    return "\n".join(part for part in (said, drawn) if part)


def unreadable(message: Mapping[str, Any], *, read: Sequence[str]) -> str:
    """Telegram's name for what the message holds and nobody here can read; "" for nothing.

    `read` are the fields that are read elsewhere (files). What is newer than a bot's library, or
    than the bot, arrives as a message without any content. A text holds nothing else, so that a
    field beside it that is newer than we are is one about the message.
    """
    if message.get("text"):
        return ""
    held = message.keys() - _ENVELOPE - {*_READ_AS_TEXT, *read}
    if not held:
        empty = not (words(message) or message.keys() & {*_READ_AS_TEXT, *read})
        return "message" if empty else ""
    return min(held - _SERVICE, default="")


def quotes(message: Mapping[str, Any]) -> tuple[Quoted, ...]:
    """The words that the message hands on or replies to."""
    found: list[Quoted] = []
    origin = _object(message.get("forward_origin"))
    if origin and (handed_on := words(message)):
        quoted = Quoted(text=handed_on, kind=Pointing.FORWARDED, author=origin_name(origin))
        found.append(quoted)
    replied = _object(message.get("reply_to_message"))
    elsewhere = _object(message.get("external_reply"))
    exactly = str(_object(message.get("quote")).get("text") or "")
    author = _who(replied) if replied else origin_name(_object(elsewhere.get("origin")))
    # In a topic every message "replies" to the one that opened it.
    said = exactly or ("" if "forum_topic_created" in replied else words(replied or elsewhere))
    if said:
        found.append(Quoted(text=said, author=author))
    return tuple(found)


def origin_name(origin: Mapping[str, Any]) -> str:
    """Who first wrote what was forwarded; "" where nobody is named."""
    chat = _object(origin.get("sender_chat")) or _object(origin.get("chat"))
    return (
        user_name(_object(origin.get("sender_user")))
        or str(origin.get("sender_user_name") or "")
        or str(chat.get("title") or "")
    )


def user_name(user: Mapping[str, Any]) -> str:
    """What a user is called."""
    names = (str(user.get("first_name") or ""), str(user.get("last_name") or ""))
    return " ".join(part for part in names if part)


def entities_of(message: Mapping[str, Any]) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """What Telegram marks in the text or caption: from, to (UTF-16 units), and what it is."""
    given = message.get("entities") or message.get("caption_entities") or ()
    for entity in given if isinstance(given, Sequence) else ():
        about = _object(entity)
        start, length = about.get("offset"), about.get("length")
        if isinstance(start, int) and isinstance(length, int):
            yield start, start + length, about


def _written_out(message: Mapping[str, Any], without: tuple[int, int]) -> str:
    said = str(message.get("text") or message.get("caption") or "")
    units = said.encode("utf-16-le", "surrogatepass")
    changes = [(*without, "")] if any(without) else []
    for start, end, about in entities_of(message):
        link = str(about.get("url") or "")
        shown = units[start * 2 : end * 2].decode("utf-16-le", "replace").strip()
        web = link.startswith(("http://", "https://")) and link.rstrip("/") != shown.rstrip("/")
        if about.get("type") == "text_link" and web and 0 <= start < end:
            changes.append((end, end, f" ({link})"))
    for start, end, instead in sorted(changes, reverse=True):
        new = instead.encode("utf-16-le", "replace")
        units = units[: start * 2] + new + units[end * 2 :]
    return units.decode("utf-16-le", "replace") if changes else said


def _who(message: Mapping[str, Any]) -> str:
    title = _object(message.get("sender_chat")).get("title")
    return str(title or "") or user_name(_object(message.get("from")))


def _drawn(name: str, value: object) -> str:
    about = _object(value)
    match name:
        case "venue" if about:
            place = _drawn("location", about.get("location"))
            named = ", ".join(str(about[key]) for key in ("title", "address") if about.get(key))
            return f"{place} ({named})" if named else place
        case "location" if about:
            return f"📍 {about.get('latitude')}, {about.get('longitude')}"
        case "contact" if about:
            return f"👤 {user_name(about)} {about.get('phone_number') or ''}".strip()
        case "poll" if about:
            options = about.get("options")
            choices = options if isinstance(options, Sequence) else ()
            lines = [f"- {_object(choice).get('text') or ''}" for choice in choices]
            return "\n".join([f"📊 {about.get('question') or ''}", *lines])
        case _:
            return ""


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
