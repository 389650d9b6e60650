"""The values kept of past conversations: files, exchanges, groups; and as the store writes them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from core.rag.vectors.encoder import Vector
from imports.groups.exchanges import Exchange

MOST_BAD = 100  #: rows of one file that are remembered; all are counted


class FileState(enum.StrEnum):
    """The state of a file."""

    READING = "reading"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """One file, by the digest of its content."""

    id: str
    name: str
    format: str
    by: str
    at: datetime
    state: FileState = FileState.READING
    items: int = 0  #: conversations and bad rows that were read
    exchanges: int = 0  #: questions with their answers that stood in them
    new: int = 0  #: of these, how many were not known from another file
    bad: int = 0
    bad_rows: tuple[str, ...] = ()  #: the first ones, "row 7: is no JSON"
    why: str = ""  #: why it failed
    total: int = 0  #: of its conversations and bad rows
    path: str = ""  #: where it lies on the machine that reads it, if it stays there


class GroupState(enum.StrEnum):
    """The state of a group of questions."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


class Work(enum.StrEnum):
    """The work of a decision on the knowledge that a killed process leaves undone."""

    NONE = ""
    TEACH = "teach"  #: it is approved, and its article may not know it yet
    UNLEARN = "unlearn"  #: it was taken back, and its article may know it still


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Questions that mean the same, and the answer that is offered for them."""

    id: str
    state: GroupState = GroupState.WAITING
    version: int = 0
    size: int = 0
    people: int = 0  #: how many customers asked, as far as their contacts tell
    question: str = ""
    answer: str = ""
    answers: int = 0  #: different ones
    locale: str = "en"
    said: str = ""  #: key of the answer that is offered
    conflicts: tuple[tuple[str, str], ...] = ()  #: sentences of its answers that contradict
    holes: int = 0  #: places in the answer where personal data stood
    one_customer: bool = False
    general: bool = False  #: the same answer was given to many different questions
    last_at: datetime | None = None
    decided_by: str = ""
    decided_at: datetime | None = None
    article_id: str = ""  #: that knows the questions now
    is_new_article: bool = False  #: made of this group, and removed when that is taken back
    taught: tuple[str, ...] = ()  #: questions that it was taught
    edited: bool = False  #: a person has written the answer in other words
    work: Work = Work.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An exchange with its group and vector."""

    exchange: Exchange
    group: str
    vector: Vector = field(compare=False, repr=False)


def file_from(document: Mapping[str, Any]) -> ImportedFile:
    """A file as the store has it."""
    values = {k: v for k, v in document.items() if k != "_id"}
    values |= {"state": FileState(values["state"]), "bad_rows": tuple(values["bad_rows"])}
    return ImportedFile(id=document["_id"], **values)


def exchange_document(kept: Kept, *, file_id: str) -> dict[str, Any]:
    """An exchange as it is stored."""
    one = kept.exchange
    return {
        "_id": one.id,
        "g": kept.group,
        "file": file_id,
        "question": one.question,
        "answer": one.answer,
        "said": one.said,
        "locale": one.locale,
        "who": list(one.who),
        "at": one.at,
        "holes": one.holes,
        "one_customer": one.one_customer,
        # Half the bytes, and the last digits of a meaning say nothing.
        "v": kept.vector.astype(np.float16).tobytes(),
    }


def kept_from(document: Mapping[str, Any]) -> Kept:
    """The inverse of `exchange_document`."""
    return Kept(
        exchange=Exchange(
            id=document["_id"],
            question=document["question"],
            answer=document["answer"],
            locale=document["locale"],
            who=tuple(document["who"]),
            at=document["at"],
            holes=document["holes"],
            one_customer=document["one_customer"],
        ),
        group=document["g"],
        vector=vector_from(document["v"]),
    )


def vector_from(raw: bytes) -> Vector:
    """A vector as it is stored, half as precise."""
    return np.frombuffer(raw, dtype=np.float16).astype(np.float32)


def group_document(group: Group) -> dict[str, Any]:
    """A group as it is stored."""
    document = {name: getattr(group, name) for name in Group.__dataclass_fields__ if name != "id"}
    return document | {
        "_id": group.id,
        "state": group.state.value,
        "work": group.work.value,
        "conflicts": [list(pair) for pair in group.conflicts],
        "taught": list(group.taught),
    }


def group_from(document: Mapping[str, Any]) -> Group:
    """The inverse of `group_document`."""
    values = {k: v for k, v in document.items() if k not in ("_id", "due")}
    values |= {
        "state": GroupState(values["state"]),
        "work": Work(values.get("work", "")),
        "conflicts": tuple((a, b) for a, b in values["conflicts"]),
        "taught": tuple(values["taught"]),
    }
    return Group(id=document["_id"], **values)
