"""CSV and JSON Lines of any help desk: a question and its answer a row, or a message a row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.rag.reading.text.columns import named_columns, plain_name
from core.rag.reading.text.encodings import decoded
from imports.formats.conversations import (
    BadRow,
    Gathered,
    Item,
    PastConversation,
    PastMessage,
    Role,
)
from imports.formats.json_stream import items
from imports.formats.together import Together
from imports.formats.values import flag_of, text_of, time_of, word_of

SAMPLE = 200_000  #: bytes by which encoding and separator are told
LISTS = ("conversations", "tickets", "data", "items", "rows")
SEPARATORS = ",;\t|"
csv.field_size_limit(10_000_000)

_NAMES: Mapping[str, frozenset[str]] = {
    "conversation": frozenset({
        "conversation id", "conversation", "ticket id", "ticket", "thread id", "thread", "case id",
        "chat id", "session id", "dialog id", "대화 id", "대화", "티켓", "문의번호", "conversación",
    }),
    "role": frozenset({
        "role", "author", "author type", "sender type", "message type", "direction", "from",
        "speaker", "sender", "작성자", "발신자", "구분", "역할", "autor", "remitente",
    }),
    "text": frozenset({
        "text", "content", "message", "body", "comment", "내용", "메시지", "본문", "mensaje",
        "texto",
    }),
    "private": frozenset({
        "private", "internal", "is private", "note", "내부", "비공개", "privado",
    }),
    "public": frozenset({"public", "is public", "공개", "público"}),
    "at": frozenset({
        "at", "time", "date", "created at", "timestamp", "sent at", "날짜", "시간", "일시", "fecha",
    }),
    "name": frozenset({
        "name", "customer name", "requester", "customer", "contact name", "sender name",
        "agent name", "agent", "author name", "이름", "고객명", "성함", "nombre",
    }),
    "contact": frozenset({
        "email", "e mail", "customer email", "requester email", "phone", "phone number", "contact",
        "이메일", "전화번호", "연락처", "correo",
    }),
}  # fmt: skip
_ROLES: Mapping[str, Role] = {
    **dict.fromkeys(
        ("customer", "user", "end user", "incoming", "in", "inbound", "contact", "visitor",
         "client", "lead", "requester", "0", "고객", "cliente"),
        Role.CUSTOMER,
    ),
    **dict.fromkeys(
        ("agent", "admin", "staff", "outgoing", "out", "outbound", "support", "operator", "1",
         "human", "상담원", "상담사", "agente"),
        Role.AGENT,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """The columns of a table, by what they hold: all that have the name."""

    of: Mapping[str, Sequence[str]]
    question: str = ""
    answer: str = ""

    @property
    def of_messages(self) -> bool:
        """Whether each row is a message."""
        return all(self.of.get(kind) for kind in ("conversation", "role", "text"))


def read_csv(path: Path) -> Iterator[Item]:
    """The conversations of a table. Raises ValueError where its columns say nothing."""
    with path.open("rb") as raw:
        sample = raw.read(SAMPLE)
    encoding = decoded(sample[: sample.rfind(b"\n") + 1] or sample).encoding
    if encoding == "utf-8":
        encoding = "utf-8-sig"
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        header = file.readline(SAMPLE)
        separator = max(SEPARATORS, key=header.count)
        file.seek(0)
        reader = csv.reader(file, delimiter=separator)
        try:
            names = next(reader, [])
        except csv.Error as error:
            raise ValueError(f"its first row is no row of a table: {error}") from error
        shape = _shape(names)
        yield from _conversations(_rows(reader, names), shape)


def read_lines(path: Path) -> Iterator[Item]:
    """The conversations of JSON objects. Raises ValueError where they say nothing."""
    rows = enumerate(items(path, lists=LISTS), start=1)
    first: list[tuple[int, Mapping[str, Any] | BadRow]] = []
    for place, row in rows:
        first.append((place, row))
        if not isinstance(row, BadRow):
            break
    else:
        yield from (row for _, row in first if isinstance(row, BadRow))
        return
    example = first[-1][1]
    assert not isinstance(example, BadRow)
    if isinstance(example.get("messages"), list):
        yield from _with_messages(first, rows)
        return
    shape = _shape([str(name) for name in example])
    yield from _conversations(_chained(first, rows), shape)


def _chained(
    first: Sequence[tuple[int, Mapping[str, Any] | BadRow]],
    rest: Iterator[tuple[int, Mapping[str, Any] | BadRow]],
) -> Iterator[tuple[int, Mapping[str, Any] | BadRow]]:
    yield from first
    yield from rest


def _rows(reader: Any, names: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any] | BadRow]]:
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, BadRow(place=reader.line_num, why=str(error))
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            why = f"{len(cells)} cells where {len(names)} columns are named"
            yield reader.line_num, BadRow(place=reader.line_num, why=why)
            continue
        yield reader.line_num, dict(zip(names, cells, strict=True))


def _shape(names: Sequence[str]) -> _Shape:
    plain = {name: plain_name(name) for name in names}
    of = {kind: [name for name in names if plain[name] in words] for kind, words in _NAMES.items()}
    asked = named_columns([list(names)])
    shape = _Shape(of=of)
    if shape.of_messages:
        return shape
    if not asked.asks:
        raise ValueError(
            "no columns of questions and answers (question, answer), and none of messages"
            " (conversation_id, role, text)"
        )
    return _Shape(of=of, question=names[asked.of["question"]], answer=names[asked.of["answer"]])


def _conversations(
    rows: Iterator[tuple[int, Mapping[str, Any] | BadRow]], shape: _Shape
) -> Iterator[Item]:
    together = Together()
    for place, row in rows:
        if isinstance(row, BadRow):
            yield row
            continue

        def of(kind: str, row: Mapping[str, Any] = row) -> str:
            return next((word_of(row.get(name)) for name in shape.of.get(kind, ())), "")

        if not shape.of_messages:
            question, answer = text_of(row.get(shape.question)), text_of(row.get(shape.answer))
            if not question or not answer:
                yield BadRow(place=place, why="a question or its answer is missing")
                continue
            yield _asked(question, answer, row, shape, of("conversation"))
            continue
        if not of("conversation"):
            yield BadRow(place=place, why="of no conversation")
            continue
        found, ended = together.at(of("conversation"))
        yield from ended
        role = _ROLES.get(plain_name(of("role")), Role.MACHINE)
        _note(found, row, shape, is_customer=role is Role.CUSTOMER)
        if _flag(row, shape, "private", missing=False):
            continue
        if not _flag(row, shape, "public", missing=True):
            continue
        if text := text_of(next(iter(row.get(name) for name in shape.of["text"]), "")):
            found.messages.append(PastMessage(role=role, text=text))
    yield from together.rest()


def _flag(row: Mapping[str, Any], shape: _Shape, kind: str, *, missing: bool) -> bool:
    return flag_of(next((row.get(n) for n in shape.of.get(kind, ())), None), missing=missing)


def _asked(
    question: str, answer: str, row: Mapping[str, Any], shape: _Shape, conversation_id: str
) -> PastConversation:
    found = Gathered(id=conversation_id)
    _note(found, row, shape, is_customer=True)
    found.messages = [
        PastMessage(role=Role.CUSTOMER, text=question),
        PastMessage(role=Role.AGENT, text=answer),
    ]
    return found.done()


def _note(found: Gathered, row: Mapping[str, Any], shape: _Shape, *, is_customer: bool) -> None:
    for name in shape.of["name"]:
        found.names[word_of(row.get(name))] = None
    if is_customer:
        for name in shape.of["contact"]:
            found.contacts[word_of(row.get(name))] = None
    found.at = found.at or time_of(next((row.get(name) for name in shape.of["at"]), None))


def _with_messages(
    first: Sequence[tuple[int, Mapping[str, Any] | BadRow]],
    rest: Iterator[tuple[int, Mapping[str, Any] | BadRow]],
) -> Iterator[Item]:
    """Objects with a list of messages each."""
    for place, row in _chained(first, rest):
        if isinstance(row, BadRow):
            yield row
            continue
        messages = row.get("messages")
        if not isinstance(messages, list):
            yield BadRow(place=place, why="a conversation without its messages")
            continue
        whole = [
            {"conversation_id": row.get("id") or str(place), **one}
            for one in messages
            if isinstance(one, dict)
        ]
        names = list(dict.fromkeys(name for one in whole for name in one))
        shape = _shape(names)
        for found in _conversations(enumerate(whole, start=place), shape):
            if isinstance(found, PastConversation):
                outer = Gathered(id=found.id)
                _note(outer, row, _Shape(of=_of(row)), is_customer=True)
                yield PastConversation(
                    id=found.id,
                    messages=found.messages,
                    names=(*found.names, *outer.done().names),
                    contacts=(*found.contacts, *outer.done().contacts),
                    at=found.at or outer.at,
                )


def _of(row: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    return {kind: [n for n in row if plain_name(str(n)) in words] for kind, words in _NAMES.items()}
