"""The later fate of messages as the log tells it: changed, taken back, reacted to; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.domain import events as ev
from core.domain.messages import Attachment, Quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """The fate of one message since it was written."""

    text: str | None = None  #: its own words as they are now; None: unchanged
    quotes: tuple[Quoted, ...] = ()  #: with `text`: what it points at now
    attachments: tuple[Attachment, ...] = ()  #: with `text`: what is beside it now
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    signs: tuple[str, ...] = ()  #: reactions that stand under it


UNCHANGED = Amended()


@dataclass(slots=True)
class _Reading:
    found: dict[int, Amended] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)  #: messages by their vendor's ids

    def take(self, item: ev.Numbered) -> None:
        match item.event:
            case ev.Received() as e:
                self.numbers[e.named] = item.seq
            case ev.Sent(message_id=name) if name:
                self.numbers[name] = item.seq
            case ev.DeliveryRecorded(seq=seq, external_ids=names):
                self.numbers.update(dict.fromkeys(names, seq))
            case ev.Edited() as e:
                self.found[e.seq] = Amended(
                    text=e.text,
                    quotes=e.quotes,
                    attachments=e.attachments,
                    edited_at=item.at,
                    signs=self._of(e.seq).signs,
                )
            case ev.Deleted(seq=seq):
                self.found[seq] = replace(self._of(seq), deleted_at=item.at)
            case ev.Reacted() as e if e.about in self.numbers:
                self._react(self.numbers[e.about], e)
            case _:
                pass

    def _of(self, seq: int) -> Amended:
        return self.found.get(seq, UNCHANGED)

    def _react(self, seq: int, e: ev.Reacted) -> None:
        before = self._of(seq)
        signs = tuple(s for s in before.signs if s != e.sign)
        now = signs if e.removed else (*signs, e.sign)
        self.found[seq] = replace(before, signs=now)


def amended(items: Iterable[ev.Numbered]) -> Mapping[int, Amended]:
    """The messages of a conversation that something happened to later, by their numbers."""
    reading = _Reading()
    for item in items:
        reading.take(item)
    return reading.found
