"""One customer's message, however it was made, costs an import that message and nothing else."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput
from imports.formats.conversations import PastConversation
from imports.formats.formats import FORMATS, recognized
from imports.groups.exchanges import exchanges_of
from tests.imports import exports

GOOD = ("Do you ship to Norway?", "Yes, parcels to Norway take a week and cost nine euros.")
NESTED = "<b>" * 5_000 + "How long does a refund take?"
HALF = "half a pair \ud83d of an emoji?"
HOSTILE: dict[str, str] = {
    "nested": NESTED,
    "half a surrogate": HALF,
    "marked sections": "<![CDATA[" * 900 + "a?",
    "an open comment": "<p>" + "<!--" * 4_000 + "a?",
    "numbers of characters": "<p>&#xD800;&#0;&#99999999999; a?",
    "nothing that can be seen": "\u3164\u200b",
    "lists in lists": "<ul><li>" * 2_400 + "a?",
    "tables in tables": "<table><tr><td>" * 1_300 + "a?",
}


def conversations(path: Path) -> list[PastConversation]:
    found = FORMATS[recognized(path)](path)
    return [one for one in found if isinstance(one, PastConversation)]


def said(conversation: PastConversation) -> list[str]:
    return [
        f"{one.id} {one.question} {one.answer}"
        for one in exchanges_of(conversation, origin="x", fingerprint=lambda c: c.encode().hex())
    ]


def raw(path: Path, items: Any) -> Path:
    """JSON as help desks write it: half a pair stays an escape."""
    path.write_text(json.dumps(items), encoding="ascii")
    return path


@pytest.mark.parametrize("kind", sorted(HOSTILE))
@pytest.mark.parametrize("make", [exports.zendesk, exports.intercom, exports.chatwoot])
def test_the_others_are_read(tmp_path: Path, kind: str, make: Any) -> None:
    items = make([(HOSTILE[kind], GOOD[1]), GOOD])
    read = conversations(raw(tmp_path / "a.json", items))
    everything = "\n".join(line for one in read for line in said(one))
    assert GOOD[0] in everything
    everything.encode()  # the store takes no half of a pair


def test_half_a_pair_in_a_name_an_id_or_an_address_spoils_nothing(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"conversation_id": HALF, "role": "customer", "text": GOOD[0], "name": HALF, "email": HALF},
        {"conversation_id": HALF, "role": "agent", "text": GOOD[1], "name": HALF, "email": ""},
    ]
    [one] = conversations(raw(tmp_path / "a.jsonl", rows))
    assert GOOD[0] in said(one)[0]


def test_a_line_that_is_nested_too_deeply_is_a_bad_row(tmp_path: Path) -> None:
    deep = '{"a":' * 20_000 + "1" + "}" * 20_000
    path = tmp_path / "a.jsonl"
    path.write_text(f"{deep}\n" + exports.lines(exports.zendesk([GOOD])), encoding="utf-8")
    assert len(conversations(path)) == 1


@pytest.mark.parametrize("head", ['"', '"a,\n', ""])
def test_a_table_that_never_ends_its_cell_is_refused(tmp_path: Path, head: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(head + "question,answer\n" * 800_000, encoding="utf-8")
    # What is said to whoever imports it; any other error is tried again for ever.
    with contextlib.suppress(ValueError, BadInput):
        list(FORMATS["csv"](path))
