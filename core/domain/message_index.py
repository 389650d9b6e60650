"""A short index by which a conversation finds its messages again by their vendor's ids; pure.

Edits, deletions and repeats name a message by the vendor's id. The index is bytes, so that a
conversation carries it in its snapshot: an entry holds digests of the id and of the content, the
message's number and a flag. What is older than the newest `KEPT` entries is not found.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from core.domain.messages import Attachment, Quoted

KEPT = 256  #: messages, the newest
DELETED = b"deleted\0"  #: stands for the content of a message that was taken back
_ENTRY = struct.Struct(">8s8sI?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """An entry of the index: a message's number, its content's digest, whether it is silent."""

    seq: int  #: 0 of a message that was taken back before it came
    content: bytes  #: digest of how it reads now
    silent: bool  #: it wanted no answer


def content_digest(
    text: str, attachments: Sequence[Attachment] = (), quotes: Sequence[Quoted] = ()
) -> bytes:
    """Eight bytes that differ where the message reads differently."""
    return _digest(repr((text, tuple(attachments), tuple(quotes))))


def indexed(index: bytes, message_id: str) -> Indexed | None:
    """The message with this id at its vendor; None where it is not known."""
    wanted = _digest(message_id)
    for at in range(len(index) - _ENTRY.size, -1, -_ENTRY.size):
        if index.startswith(wanted, at):
            _, content, seq, silent = _ENTRY.unpack_from(index, at)
            return Indexed(seq=seq, content=content, silent=silent)
    return None


def taken_back(index: bytes, numbers: Collection[int]) -> bool:
    """Whether all messages with these numbers were taken back; False for none."""
    if not numbers or DELETED not in index:
        return False  # as nearly always
    gone = {seq for _, content, seq, _ in _ENTRY.iter_unpack(index) if content == DELETED}
    return gone.issuperset(numbers)


def latest(index: bytes) -> Indexed | None:
    """The newest message."""
    if not index:
        return None
    _, content, seq, silent = _ENTRY.unpack_from(index, len(index) - _ENTRY.size)
    return Indexed(seq=seq, content=content, silent=silent)


def with_message(index: bytes, message_id: str, message: Indexed) -> bytes:
    """The index with one message more."""
    entry = _ENTRY.pack(_digest(message_id), message.content, message.seq, message.silent)
    return (index + entry)[-KEPT * _ENTRY.size :]


def with_content(index: bytes, seq: int, content: bytes, *, silent: bool | None) -> bytes:
    """The index after a message was changed; with `silent` None it wants an answer as before."""
    for at in range(len(index) - _ENTRY.size, -1, -_ENTRY.size):
        name, _, number, was_silent = _ENTRY.unpack_from(index, at)
        if number == seq:
            now = was_silent if silent is None else silent
            entry = _ENTRY.pack(name, content, seq, now)
            return index[:at] + entry + index[at + _ENTRY.size :]
    return index


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest()
