"""The schema of what is stored knows all of it, and no customer's word where no erasure comes."""

from __future__ import annotations

import ast
import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from app import App
from approvals.autonomy.topics import SentAlone, Topic
from approvals.learning.evidence import Evidence
from approvals.learning.lessons import Lesson
from approvals.queue.model import Approval
from core.accounts.records import (
    ApiToken,
    Link,
    Session,
    link_document,
    origin_fields,
    session_document,
    token_document,
)
from core.accounts.roles import Origin, Role
from core.domain.conversation import Conversation
from core.domain.events import EVENT_TYPES
from core.privacy.schema import ANY, Fate, Field, Kinds, texts_of, unknown
from core.privacy.stored import COLLECTIONS, stored, stored_file
from core.privacy.stored_events import EVENTS
from core.storage.indexes import INDEXES
from tests.support.process import PRODUCT, ROOT


def named_in_the_source() -> dict[str, str]:
    """Every collection that is asked for by name, and where."""
    found = {}
    for folder in PRODUCT:
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                    of = node.value
                    name = of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", "")
                    if name in ("db", "database", "_db") and isinstance(node.slice.value, str):
                        found[node.slice.value] = str(file)
    return found


def test_every_collection_of_the_source_is_known() -> None:
    known = {one.name for one in COLLECTIONS}
    assert len(known) == len(COLLECTIONS)
    named = named_in_the_source()
    assert len(named) > 15
    assert {name: where for name, where in named.items() if name not in known} == {}
    assert set(INDEXES) == known


def missing(cls: Any, shape: Any, *, at: str = "") -> Iterator[str]:
    """Fields of a stored dataclass that the shape does not know, through all inside it."""
    hints = typing.get_type_hints(cls)
    assert isinstance(shape, Mapping), at
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        if field.name not in shape:
            yield f"{at}.{field.name}"
            continue
        yield from _within(hints[field.name], shape[field.name], at=f"{at}.{field.name}")
    known = {f.name for f in dataclasses.fields(cls)} | {"kind"}
    yield from (f"{at}.{name} is gone" for name in shape if name not in known)


def _within(hint: Any, shape: Any, *, at: str) -> Iterator[str]:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        yield from _within(next(a for a in args if a is not types.NoneType), shape, at=at)
    elif origin is tuple:
        assert isinstance(shape, list), at
        yield from _within(args[0], shape[0], at=f"{at}[]")
    elif isinstance(hint, type) and dataclasses.is_dataclass(hint):
        yield from missing(hint, shape, at=at)
    elif origin is not None and issubclass(origin, Mapping):
        assert isinstance(shape, Mapping), at
        assert ANY in shape, at
    else:
        assert isinstance(shape, Field), at


@pytest.mark.parametrize("kind", sorted(EVENT_TYPES))
def test_every_field_of_an_event_is_known(kind: str) -> None:
    assert list(missing(EVENT_TYPES[kind], EVENTS.shapes[kind], at=kind)) == []


def test_no_kind_of_event_is_missing_or_left_over() -> None:
    assert set(EVENTS.shapes) == set(EVENT_TYPES)


@pytest.mark.parametrize(
    ("cls", "collection", "field"),
    [
        (Conversation, "conversations", "state"),
        (Approval, "approvals", "approval"),
        (Lesson, "lessons", "lesson"),
        (SentAlone, "drawn", "answer"),
        (Evidence, "evidence", "evidence"),
        (Topic, "topics", "topic"),
    ],
)
def test_every_field_of_what_is_folded_is_known(cls: type, collection: str, field: str) -> None:
    assert list(missing(cls, stored(collection).fields[field], at=collection)) == []


def test_no_words_of_a_customer_stand_where_no_erasure_comes() -> None:
    reached = (Fate.CUT, Fate.DELETED, Fate.REDRAWN)
    for one in COLLECTIONS:
        texts = list(texts_of(one.fields))
        assert not texts or one.fate in reached, (one.name, texts)
        if one.fate in (Fate.CUT, Fate.DELETED):
            assert one.owner in one.fields
    assert "events[].received.text" in set(texts_of(stored("log").fields))


async def test_whatever_is_redrawn_has_its_part(app: App) -> None:
    parts = set(app.privacy.parts)
    for one in COLLECTIONS:
        if one.fate is Fate.REDRAWN:
            assert one.part in parts, one.name
        if one.fate is Fate.DELETED:
            assert one.name in parts
    assert len(parts) == len(app.privacy.parts)


def test_what_is_unknown_is_named() -> None:
    shape = {"_id": Field.ID, "a": {"b": [Field.TEXT]}, "s": {ANY: Field.FIGURE}, "e": [Kinds({})]}
    assert list(unknown({"_id": 1, "a": {"b": ["x"]}, "s": {"q": 1.0}}, shape)) == []
    assert list(unknown({"a": {"c": 1}, "z": 2}, shape)) == ["a.c", "z"]
    assert list(unknown({"a": {"b": [{"deep": 1}]}}, shape)) == ["a.b[] holds fields of its own"]
    assert list(unknown({"e": [{"kind": "new"}]}, shape)) == ["e[].new"]
    assert stored_file("store/WiredTiger.wt") is not None
    assert stored_file("a-new-file") is None
    with pytest.raises(LookupError):
        stored("a_new_one")


def test_what_accounts_store_is_known() -> None:
    now, origin = datetime.now(UTC), Origin(users=("u",), tokens=("t",))
    documents: Mapping[str, Mapping[str, Any]] = {
        "api_tokens": token_document(
            ApiToken(
                id="1", user_id="u", name="n", scope=Role.AGENT, created_at=now, expires_at=now,
                origin=origin,
            )
        ),
        "sign_in_links": link_document(
            Link(id="1", user_id="u", expires_at=now, stamp=1, origin=origin)
        ),
        "sessions": session_document(
            Session(
                id="1", user_id="u", created_at=now, last_at=now, address="", browser="",
                stamp=1, origin=origin,
            )
        ),
        "users": {
            **dict.fromkeys(("stamp", "issuer", "subject"), ""),
            **origin_fields(origin, "password_"),
            **origin_fields(origin, "slack_"),
        },
    }  # fmt: skip
    for name, document in documents.items():
        assert list(unknown(document, stored(name).fields)) == [], name
