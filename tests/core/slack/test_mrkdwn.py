"""Cut first, escape then: no text of Slack's ends in half an entity or over a limit."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rendering.slack import escape
from core.rendering.tree import utf16_length
from core.slack.blocks import context, header, section
from core.slack.mrkdwn import beginning, clip, escaped, link, readable, whole_lines
from tests.approvals.limits import check_blocks, check_mrkdwn

ROOT = Path(__file__).parents[3]
WRITERS = ("approvals", "analytics", "channels", "core/slack")

texts = st.text(alphabet="&<>a \n👩‍🎉가", max_size=60).flatmap(
    lambda text: st.integers(1, 120).map(lambda times: text * times)
)
limits = st.integers(1, 3000)


@given(text=texts, limit=limits)
def test_what_is_cut_ends_in_no_half_entity_and_within_the_limit(text: str, limit: int) -> None:
    shown = escaped(text, limit)
    check_mrkdwn(shown, limit)
    read = readable(shown)
    assert text.startswith(read.removesuffix("…").rstrip()) or not shown
    if utf16_length(escape(text)) <= limit and text.strip():
        assert shown == escape(text)


@given(text=texts, limit=limits)
def test_as_much_is_shown_as_there_is_room_for(text: str, limit: int) -> None:
    text = f"x{text}".replace(" ", "_").replace("\n", "_")
    shown = escaped(text, limit)
    if shown.endswith("…"):
        assert utf16_length(shown) > limit - 5  # one sign more would be too many


@given(text=texts, limit=limits)
def test_plain_texts_keep_whole_characters(text: str, limit: int) -> None:
    assert utf16_length(clip(text, limit)) <= limit
    first = beginning(text, limit)
    assert text.startswith(first)
    assert limit - 1 <= utf16_length(first) <= limit or first == text
    first.encode("utf-8")  # no half of a pair


@given(lines=st.lists(texts.map(lambda text: escaped(text, 400)), max_size=30))
def test_blocks_are_cut_between_lines_only(lines: list[str]) -> None:
    written = "\n".join(lines)
    check_mrkdwn(whole_lines(written, 3000), 3000)
    check_blocks([section(written), context(*lines), header(written)], kind="message")


@given(url=texts, label=texts)
def test_a_link_is_whole_or_no_link(url: str, label: str) -> None:
    check_mrkdwn(link(f"https://x.example/{url}", label), 2000)


def test_a_line_too_long_for_its_block_is_left_out_and_the_others_stay() -> None:
    assert whole_lines("&amp;" * 5 + "\nnext", 10) == "next\n…"


@pytest.mark.parametrize("name", ["escape", "replace"])
def test_there_is_no_other_way_to_escape(name: str) -> None:
    """`escape` knows no limit, so only `mrkdwn` may use it; nobody writes one of their own."""
    elsewhere = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in sources()
        if file.name not in ("mrkdwn.py", "block_text.py")  # the second only reads
        for line in (imports if name == "escape" else replacing)(ast.parse(file.read_text()))
    ]
    assert not elsewhere


def sources() -> Iterator[Path]:
    """Every file that writes something for Slack."""
    for folder in WRITERS:
        for file in (ROOT / folder).rglob("*.py"):
            if "slack" in str(file.relative_to(ROOT)):
                yield file


def imports(tree: ast.AST) -> Iterator[int]:
    """Where `escape` is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(a.name == "escape" for a in node.names):
            yield node.lineno


def replacing(tree: ast.AST) -> Iterator[int]:
    """Where an entity is written by hand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in ("&amp;", "&lt;", "&gt;"):
            yield node.lineno
