"""Documents of every format by the command line, at rest and while it serves."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.served import Served, served

pytestmark = pytest.mark.timeout(180)


def pdf(text: str) -> bytes:
    """A one-page PDF that says so."""
    stream = f"BT /F1 12 Tf 50 700 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R"
            b" /Resources << /Font << /F1 4 0 R >> >> >>"
        ),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    made, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(made)
    return made + b"xref\n0 6\n0000000000 65535 f \n" + table + trailer


DOCUMENTS = {
    "warranty.md": (
        (b"# Zephyr lamps\n\n## How long is the warranty of a Zephyr lamp?\n\n"
        b"The warranty of a Zephyr lamp is seven years.\n"),
        "How long is the warranty of a Zephyr lamp?",
        "seven years",
    ),
    "pickup.txt": (
        b"Picking up parcels\n\nParcels for the Quillbrook branch can be picked up until 9 pm.\n",
        "Until when can parcels be picked up at the Quillbrook branch?",
        "9 pm",
    ),
    "gift.html": (
        (b"<html><head><title>Gift wrapping</title><script>evil()</script></head><body>"
        b"<h1>Gift wrapping</h1><p>Gift wrapping costs four florins per box.</p></body></html>"),
        "What does gift wrapping cost?",
        "four florins",
    ),
    "size.pdf": (
        pdf("The Marlowe suitcase weighs 2.7 kilograms when it is empty."),
        "How much does the Marlowe suitcase weigh?",
        "2.7 kilograms",
    ),
    "faq.csv": (
        "question,answer\n"
        '"How do I cancel the Heron club?","Write to heron@example.com, and it ends, at once."\n'
        '"제비 포인트는 언제 사라지나요?","제비 포인트는 18개월 뒤에 사라집니다."\n'.encode(),
        "제비 포인트는 언제 사라지나요?",
        "18개월",
    ),
    "more.jsonl": (
        json.dumps(
            {
                "id": "cellar",
                "title": "How cold is the Ostrava cellar?",
                "text": "The Ostrava cellar is kept at eleven degrees.",
                "topic": "cellar",
                "lang": "en",
                "source": "https://example.com/cellar",
            }
        ).encode()
        + b"\n",
        "How cold is the Ostrava cellar?",
        "eleven degrees",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    for name, (body, _, _) in DOCUMENTS.items():
        (folder / name).write_bytes(body)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing of the kind")
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as site:
        yield site


def test_each_format_is_added_while_it_serves_and_answered_at_once(
    site: Served, folder: Path
) -> None:
    added = site.bot("kb", "add", str(folder))
    assert "broken.pdf" in added.out + added.err
    assert re.search(r"\b7 added\b", added.out), added.out
    assert re.search(r"\b1 failed\b", added.out), added.out
    for name, (_, question, answer) in DOCUMENTS.items():
        chat = site.chat(question, locale="ko" if "제비" in question else "en")
        seen = chat.until(lambda c: len(c["messages"]) > 1, seconds=3)
        assert seen["messages"][1]["author"] == "ai", (name, seen)
        assert answer in seen["messages"][1]["text"], (name, seen)
        assert seen["messages"][1]["citations"], name
        found = site.bot("kb", "search", question)
        assert answer in found.out, name
        assert re.search(r"0\.\d|1\.0", found.out), found.out
    listed = site.bot("kb", "list").out
    for title in ("Zephyr lamps", "Gift wrapping", "Heron", "Ostrava"):
        assert title in listed
    assert "evil()" not in site.bot("kb", "search", "gift wrapping evil").out


def test_again_only_what_changed_is_taken_in(site: Served, folder: Path) -> None:
    again = site.bot("kb", "add", str(folder))
    assert re.search(r"\b0 added, 0 changed, 7 unchanged\b", again.out), again.out
    changed = DOCUMENTS["warranty.md"][0].replace(b"seven", b"nine")
    (folder / "warranty.md").write_bytes(changed)
    once_more = site.bot("kb", "add", str(folder))
    assert re.search(r"\b0 added, 1 changed, 6 unchanged\b", once_more.out), once_more.out
    chat = site.chat("How long is the warranty of a Zephyr lamp?")
    seen = chat.until(lambda c: len(c["messages"]) > 1, seconds=3)
    assert "nine years" in seen["messages"][1]["text"]


def test_what_is_removed_is_known_no_more(site: Served, folder: Path) -> None:
    site.bot("kb", "add", str(folder))  # another process may have had the tests before this one
    listed = site.bot("kb", "list").out
    [line] = [line for line in listed.splitlines() if "Ostrava" in line]
    key = next(word for word in line.split() if "cellar" in word)
    removed = site.bot("kb", "remove", key)
    assert removed.code == 0, removed.err
    assert "Ostrava" not in site.bot("kb", "list").out
    assert "eleven degrees" not in site.bot("kb", "search", "How cold is the Ostrava cellar?").out
    assert site.bot("kb", "remove", key).code == 2
    chat = site.chat("How cold is the Ostrava cellar?")
    seen = chat.until(lambda c: len(c["messages"]) > 1, seconds=3)
    assert "eleven" not in seen["messages"][1]["text"]


def test_the_vectors_are_made_again_from_the_documents(site: Served, folder: Path) -> None:
    site.bot("kb", "add", str(folder))
    assert site.bot("kb", "rebuild").code == 0
    chat = site.chat("What does gift wrapping cost?")
    seen = chat.until(lambda c: len(c["messages"]) > 1, seconds=3)
    assert "four florins" in seen["messages"][1]["text"]


@pytest.mark.timed
def test_five_questions_a_second_do_not_pile_up(site: Served) -> None:
    def ask(number: int) -> float:
        time.sleep(max(0.0, began + number / 5 - time.monotonic()))
        chat = site.chat(f"What does gift wrapping cost for {number} boxes?")
        chat.until(lambda c: len(c["messages"]) > 1, seconds=5)
        return time.monotonic() - began - number / 5

    began = time.monotonic() + 0.5
    with ThreadPoolExecutor(20) as people:
        waits = sorted(people.map(ask, range(40)))
    # Other tests may share the machine; bench/ measures the 95th percentile when it is quiet.
    assert waits[20] < 1, waits
    assert waits[-1] < 3, waits


def test_at_rest_the_same(tmp_path: Path, folder: Path) -> None:
    at_rest = Served(tmp_path)
    added = at_rest.bot("kb", "add", str(folder / "pickup.txt"), str(folder / "size.pdf"))
    assert (added.code, "2 added" in added.out) == (0, True), added
    assert "Quillbrook" in at_rest.bot("kb", "search", "Quillbrook branch").out
    assert "pickup" in at_rest.bot("kb", "list").out.lower()
    try:
        at_rest.start()
        chat = at_rest.chat("Until when can parcels be picked up at the Quillbrook branch?")
        seen = chat.until(lambda c: len(c["messages"]) > 1, seconds=3)
        assert "9 pm" in seen["messages"][1]["text"]
    finally:
        at_rest.stop()
