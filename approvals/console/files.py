"""Files of a conversation as its page and the queue's cards show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.attachments.views import FileViews, fates
from core.domain import events as ev
from core.domain.messages import Attachment
from core.i18n import Words

#: Types whose own names nobody calls them by; others go by their last part: PDF, JPEG, WAV.
CALLED = {
    "application/octet-stream": "?",
    "image/svg+xml": "SVG",
    "text/plain": "TXT",
    "vnd.openxmlformats-officedocument.wordprocessingml.document": "DOCX",
    "vnd.openxmlformats-officedocument.spreadsheetml.sheet": "XLSX",
    "vnd.openxmlformats-officedocument.presentationml.presentation": "PPTX",
}
UNITS = (("MB", 1_000_000), ("KB", 1_000), ("B", 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFile:
    """One file in words, with the signed addresses that open it."""

    name: str
    about: str  #: its type and size
    open: str = ""  #: the original; "" while it is not here
    preview: str = ""  #: a small picture drawn anew; "" for none
    sounds: bool = False  #: it can be listened to
    problem: str = ""  #: what keeps it from being here, or from being read, in words
    text: str = ""  #: what stands in it
    label: str = ""  #: where that text comes from


def files_of(
    commits: Sequence[ev.Commit], *, views: FileViews, words: Words, locale: str
) -> Mapping[int, Sequence[ShownFile]]:
    """The files of each message, by its number."""
    items = [item for commit in commits for item in commit.numbered()]
    known = fates(items)
    read = {
        (item.event.seq, item.event.index): item.event
        for item in items
        if isinstance(item.event, ev.AttachmentRead)
    }
    found: dict[int, list[ShownFile]] = defaultdict(list)
    digests: set[tuple[int, str]] = set()
    for item in items:
        match item.event:
            case (
                ev.Received(attachments=attachments)
                | ev.Sent(attachments=attachments)
                | ev.Edited(attachments=attachments)
            ):
                # A changed message brings its files again; only another content is another file.
                message = item.event.seq if isinstance(item.event, ev.Edited) else item.seq
                for index, attachment in enumerate(attachments):
                    if attachment.is_file:
                        key = item.seq, index
                        content = message, _digest(known.get(key), attachment) or str(key)
                        if content in digests:
                            continue
                        digests.add(content)
                        view = views.one(item.conversation_id, *key, attachment, known.get(key))
                        shown = _shown(
                            view, known.get(key), read.get(key), attachment, words, locale
                        )
                        found[message].append(shown)
            case _:
                pass
    return found


def _shown(
    view: Mapping[str, object],
    fetched: ev.AttachmentFetched | None,
    read: ev.AttachmentRead | None,
    attachment: Attachment,
    words: Words,
    locale: str,
) -> ShownFile:
    def say(which: str, /, **values: object) -> str:
        return words.text(f"approvals.attachment.{which}", locale, **values)

    name, media_type = str(view["name"]), str(view["type"])
    problem = ""
    if fetched is not None and fetched.problem:
        problem = " ".join(filter(None, (say(fetched.problem), fetched.detail)))
    elif view["state"] == "coming":
        problem = say("coming")
    elif read is not None and read.problem:
        problem = say(read.problem)
    text = read.text if read is not None else ""
    known = bool(view.get("open")) or attachment.size is not None
    return ShownFile(
        name=name,
        about=f"{called(media_type)} · {size_in_words(int(str(view['size'])))}" if known else "",
        open=str(view.get("open") or ""),
        preview=str(view.get("preview") or ""),
        sounds=media_type.startswith("audio/"),
        problem=problem,
        text=text,
        label=say("heard" if read is not None and read.spoken else "says", name=name)
        if text
        else "",
    )


def _digest(fetched: ev.AttachmentFetched | None, attachment: Attachment) -> str:
    return fetched.attachment.digest if fetched and fetched.attachment else attachment.digest


def called(media_type: str) -> str:
    """What people call a type: PDF, JPEG, DOCX."""
    last = media_type.rpartition("/")[2]
    return CALLED.get(media_type) or CALLED.get(last) or last.removeprefix("x-").upper()


def size_in_words(size: int) -> str:
    """Bytes as people read them: 1.2 MB."""
    for unit, worth in UNITS:
        if size >= worth:
            number = size / worth
            return f"{number:.1f} {unit}" if worth > 1 and number < 10 else f"{number:.0f} {unit}"
    return "0 B"
