"""Reads the content of a Slack message: its words, those shared with it, its files; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.domain.messages import Attachment, Pointing, Quoted
from core.slack.block_text import block_text
from core.slack.mrkdwn import readable
from core.slack.names import Named

NOBODY: Mapping[str, Named] = {}
ASKED = "file:"  #: opens a reference to a file whose place Slack has to be asked for


def plain(text: str, bot: str, names: Mapping[str, Named] = NOBODY) -> str:
    """Slack's notation as people read it, our own mention taken out."""
    called = {one: named.name for one, named in names.items() if named.name}
    return readable(text, leave_out=bot, names=called).strip()


def raw_text(message: Mapping[str, Any]) -> str:
    """A message's own words in Slack's notation; some have blocks alone."""
    return str(message.get("text") or "") or block_text(message.get("blocks"))


def shared_in(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Messages that were forwarded or shared with it; what Slack shows of a link is no such."""
    given = message.get("attachments")
    found = given if isinstance(given, Sequence) and not isinstance(given, str) else ()
    about = [_object(one) for one in found]
    bare = not raw_text(message).strip()
    return [
        one
        for one in about
        if one.get("is_share") or one.get("is_msg_unfurl") or (bare and not one.get("from_url"))
    ]


def words_of(shared: Mapping[str, Any]) -> str:
    """The words of a shared message in Slack's notation."""
    said = str(shared.get("text") or "") or block_text(shared.get("blocks"))
    drawn = shared.get("message_blocks")
    for one in drawn if isinstance(drawn, Sequence) and not said else ():
        said = said or block_text(_object(_object(one).get("message")).get("blocks"))
    return said or str(shared.get("fallback") or shared.get("title") or "")


def quotes_of(
    message: Mapping[str, Any], bot: str, names: Mapping[str, Named]
) -> tuple[Quoted, ...]:
    kind = Pointing.SHARED if raw_text(message).strip() else Pointing.FORWARDED
    found = (
        Quoted(
            text=plain(words_of(one), bot, names),
            kind=kind,
            author=str(one.get("author_name") or one.get("author_subname") or ""),
        )
        for one in shared_in(message)
    )
    return tuple(quoted for quoted in found if quoted.text)


def reading_of(message: Mapping[str, Any]) -> tuple[object, ...]:
    """What of a message its readers read; with the same the message was not changed."""
    shared = tuple(words_of(one) for one in shared_in(message))
    return raw_text(message), shared, message.get("files") or None


def attachments_of(files: object) -> tuple[Attachment, ...]:
    found: list[Attachment] = []
    for file in files if isinstance(files, Sequence) and not isinstance(files, str) else ():
        about = _object(file)
        media_type = str(about.get("mimetype") or "")
        kind = media_type.partition("/")[0]
        size = about.get("size")
        found.append(
            Attachment(
                kind=kind if kind in {"image", "audio", "video"} else "file",
                name=str(about.get("name") or ""),
                url=str(about.get("permalink") or ""),
                media_type=media_type,
                size=size if isinstance(size, int) else None,
                ref=_source(about),
            )
        )
    return tuple(found)


def _source(about: Mapping[str, Any]) -> str:
    """Where Slack keeps the bytes; "" for what lies elsewhere or is gone.

    Of a file from another company's workspace the event has the id alone, and Slack says the rest
    when it is asked (`file_access`): then it is ASKED and the id.
    """
    if about.get("file_access") == "check_file_info" and about.get("id"):
        return f"{ASKED}{about['id']}"
    if about.get("is_external") or about.get("mode") in (
        "tombstone",
        "external",
        "hidden_by_limit",
    ):
        return ""
    return str(about.get("url_private_download") or about.get("url_private") or "")


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
