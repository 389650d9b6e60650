"""Exports of every kind are read: public replies of people, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import BadInput
from imports.formats.conversations import BadRow, PastConversation, Role
from imports.formats.formats import FORMATS, recognized
from imports.groups.exchanges import Exchange, exchanges_of
from tests.imports import exports

PAIRS = [
    ("How long does a refund take?", "A refund takes five days, to the card you paid with."),
    ("Do you ship to Norway?", "Yes, parcels to Norway take a week and cost nine euros."),
]
MESSAGES = [["대화 id", "작성자", "내용", "비공개"]] + [
    row
    for n, (question, answer) in enumerate(PAIRS)
    for row in ([str(n), "고객", question, ""], [str(n), "상담원", exports.NOTE, "예"],
                [str(n), "상담원", answer, ""])
]  # fmt: skip
SHAPES: dict[str, tuple[str, str, Callable[[], object]]] = {
    "Zendesk, lines": ("a.json", "zendesk", lambda: exports.lines(exports.zendesk(PAIRS))),
    "Zendesk, a page": ("a.json", "zendesk", lambda: {"tickets": exports.zendesk(PAIRS)}),
    "Zendesk, an array": ("a.json", "zendesk", lambda: exports.zendesk(PAIRS)),
    "Intercom": ("a.json", "intercom", lambda: exports.intercom(PAIRS)),
    "Chatwoot": ("a.json", "chatwoot", lambda: exports.chatwoot(PAIRS)),
    "Chatwoot, a table": ("a.csv", "csv", lambda: exports.chatwoot_table(PAIRS)),
    "pairs, commas": (
        "a.csv", "csv", lambda: exports.table([("question", "answer"), *PAIRS], ","),
    ),
    "pairs, semicolons": (
        "a.csv", "csv", lambda: exports.table([("Frage", "Antwort"), *PAIRS], ";"),
    ),
    "messages in Korean": ("a.csv", "csv", lambda: exports.table(MESSAGES, "\t")),
    "pairs, lines": (
        "a.jsonl",
        "jsonl",
        lambda: exports.lines([{"question": q, "answer": a} for q, a in PAIRS]),
    ),
    "conversations, lines": (
        "a.jsonl",
        "jsonl",
        lambda: exports.lines(
            [
                {
                    "id": n,
                    "messages": [
                        {"role": "user", "text": q},
                        {"role": "agent", "text": exports.NOTE, "private": True},
                        {"role": "agent", "text": a},
                    ],
                }
                for n, (q, a) in enumerate(PAIRS)
            ]
        ),
    ),
}  # fmt: skip


def read(path: Path, name: str) -> list[Exchange]:
    return [
        one
        for item in FORMATS[name](path)
        if isinstance(item, PastConversation)
        for one in exchanges_of(item, origin=name, fingerprint=str)
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_questions_are_read_with_what_people_answered(shape: str, tmp_path: Path) -> None:
    file, name, content = SHAPES[shape]
    path = exports.written(tmp_path / file, content())
    assert recognized(path) == name
    assert [(one.question, one.answer) for one in read(path, name)] == PAIRS


def test_a_row_that_is_wrong_does_not_refuse_its_file(tmp_path: Path) -> None:
    tickets = exports.zendesk(PAIRS)
    text = exports.lines(tickets[:1]) + '{"id": 7, broken\n"no object"\n{"id": 8}\n'
    path = exports.written(tmp_path / "a.json", text + exports.lines(tickets[1:]))
    items = list(FORMATS["zendesk"](path))
    assert [item.place for item in items if isinstance(item, BadRow)] == [2, 3, 4]
    assert len(read(path, "zendesk")) == 2


def test_rows_of_another_length_are_named(tmp_path: Path) -> None:
    text = 'question,answer\n"How, now?",Like this it is done.\nonly this\n,empty question\n'
    found = list(FORMATS["csv"](exports.written(tmp_path / "a.csv", text)))
    assert [item.place for item in found if isinstance(item, BadRow)] == [3, 4]
    assert len(found) == 3


def test_a_file_that_breaks_off_keeps_what_stands_before(tmp_path: Path) -> None:
    path = exports.written(tmp_path / "a.json", exports.chatwoot(PAIRS))
    path.write_text(path.read_text()[:-40])
    items = list(FORMATS["chatwoot"](path))
    assert isinstance(items[0], PastConversation)
    assert isinstance(items[-1], BadRow)


def test_messages_of_one_conversation_may_lie_apart(tmp_path: Path) -> None:
    rows = [["conversation_id", "role", "text"]]
    rows += [[str(n), "customer", PAIRS[0][0]] for n in range(3)]
    rows += [[str(n), "agent", PAIRS[0][1]] for n in range(3)]
    path = exports.written(tmp_path / "a.csv", exports.table(rows, ","))
    assert len(read(path, "csv")) == 3


def test_what_is_written_in_another_encoding_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    text = "질문,답변\n환불은 얼마나 걸리나요?,환불은 닷새 정도 걸립니다.\n"
    path.write_bytes(text.encode("cp949"))
    assert [one.question for one in read(path, "csv")] == ["환불은 얼마나 걸리나요?"]


def test_users_that_stand_beside_the_tickets_say_who_is_staff(tmp_path: Path) -> None:
    [ticket] = exports.zendesk(PAIRS[:1])
    ticket["comments"] = [
        {"author_id": 5, "public": True, "plain_body": PAIRS[0][0]},
        {"author_id": 6, "public": True, "plain_body": PAIRS[0][1]},
    ]
    del ticket["requester"]
    users = [{"id": 5, "role": "end-user", "name": "Bo"}, {"id": 6, "role": "admin", "name": "Al"}]
    path = exports.written(tmp_path / "a.json", {"tickets": [ticket], "users": users})
    [item] = FORMATS["zendesk"](path)
    assert isinstance(item, PastConversation)
    assert [message.role for message in item.messages] == [Role.CUSTOMER, Role.AGENT]
    assert item.names == ("Bo", "Al")


def test_what_holds_no_conversations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        recognized(exports.written(tmp_path / "a.json", "[]"))
    with pytest.raises(ValueError, match="no columns"):
        list(FORMATS["csv"](exports.written(tmp_path / "a.csv", "colour,size\nred,9\n")))
