"""Slack's limits as a check: what a real Slack would answer `invalid_blocks` to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from core.rendering.tree import utf16_length

MOST = {"message": 50, "modal": 100, "home": 100}
#: our own words hold a bare `>` here and there, which Slack takes for itself
_NOTATION = re.compile(r"&(?:amp|lt|gt);|<[^<>\n]*>|[^&<]", re.DOTALL)


def check_mrkdwn(text: str, limit: int) -> None:
    """Raises AssertionError where it is too long, or a cut left half an entity or half a link."""
    assert utf16_length(text) <= limit
    assert "".join(_NOTATION.findall(text)) == text, _broken(text)
    assert not re.search(r"&amp;(?:amp|lt|gt);", text), f"escaped twice: {text!r}"


def _broken(text: str) -> str:
    at = next(i for i in range(len(text)) if not _NOTATION.match(text, i)) if text else 0
    return f"no notation of Slack's: {text[max(0, at - 30) : at + 30]!r}"


def check_message(text: str, blocks: Sequence[Mapping[str, Any]]) -> None:
    """Raises AssertionError where a message breaks a limit."""
    assert text.strip()
    check_mrkdwn(text, 4000)
    check_blocks(blocks, kind="message")


def check_view(view: Mapping[str, Any]) -> None:
    """Raises AssertionError where a modal or a Home breaks a limit."""
    check_blocks(view["blocks"], kind=view["type"])
    assert len(json.dumps(view, ensure_ascii=False).encode("utf-8", "replace")) <= 250_000
    if view["type"] == "modal":
        _plain(view["title"], 24)
        for name in ("submit", "close"):
            if name in view:
                _plain(view[name], 24)
        assert len(view.get("private_metadata", "")) <= 3000
        assert len(view.get("callback_id", "")) <= 255
        if any(b["type"] == "input" for b in view["blocks"]):
            assert "submit" in view


def check_blocks(blocks: Sequence[Mapping[str, Any]], *, kind: str) -> None:
    """Raises AssertionError where one of them breaks a limit."""
    assert 1 <= len(blocks) <= MOST[kind]
    ids = [b["block_id"] for b in blocks if "block_id" in b]
    assert len(ids) == len(set(ids))
    for block in blocks:
        _BLOCKS[block["type"]](block)


def _header(block: Mapping[str, Any]) -> None:
    _plain(block["text"], 150)


def _section(block: Mapping[str, Any]) -> None:
    _text(block["text"], 3000)
    if "accessory" in block:
        _element(block["accessory"])


def _context(block: Mapping[str, Any]) -> None:
    assert 1 <= len(block["elements"]) <= 10
    for element in block["elements"]:
        _text(element, 3000)


def _actions(block: Mapping[str, Any]) -> None:
    assert 1 <= len(block["elements"]) <= 25
    ids = [e["action_id"] for e in block["elements"]]
    assert len(ids) == len(set(ids))
    for element in block["elements"]:
        _element(element)


def _input(block: Mapping[str, Any]) -> None:
    _plain(block["label"], 2000)
    assert len(block["block_id"]) <= 255
    element = block["element"]
    if element["type"] == "plain_text_input":
        initial = element.get("initial_value", "")
        assert utf16_length(initial) <= min(3000, element["max_length"])
    else:
        _element(element)


def _rich(block: Mapping[str, Any]) -> None:
    assert block["elements"]
    total = 0
    for element in block["elements"]:
        runs = list(element.get("elements", ()))
        assert runs
        for run in runs:
            for leaf in run.get("elements", (run,)):
                assert leaf["type"] in ("text", "link")
                assert leaf["text"]
                total += utf16_length(leaf["text"])
    assert total <= 3200


def _divider(block: Mapping[str, Any]) -> None:
    assert set(block) == {"type"}


def _element(element: Mapping[str, Any]) -> None:
    if "action_id" in element:
        assert 1 <= len(element["action_id"]) <= 255
    match element["type"]:
        case "button":
            _plain(element["text"], 75)
            assert utf16_length(element.get("value", "")) <= 2000
            assert element.get("style", "primary") in ("primary", "danger")
            assert len(element.get("url", "")) <= 3000
        case "overflow":
            assert 1 <= len(element["options"]) <= 5
        case "radio_buttons" | "checkboxes":
            assert 1 <= len(element["options"]) <= 10
            if "initial_option" in element:
                assert element["initial_option"] in element["options"]
        case "users_select":
            pass
        case other:
            raise AssertionError(f"unknown element {other}")
    for option in element.get("options", ()):
        _plain(option["text"], 75)
        assert 1 <= len(option["value"]) <= 150
        if "description" in option:
            _plain(option["description"], 75)


def _text(text: Mapping[str, Any], limit: int) -> None:
    assert text["type"] in ("mrkdwn", "plain_text")
    assert text["text"]
    assert utf16_length(text["text"]) <= limit
    if text["type"] == "mrkdwn":
        check_mrkdwn(text["text"], limit)
    assert "<!channel" not in text["text"].replace("<!subteam", "")


def _plain(text: Mapping[str, Any], limit: int) -> None:
    assert text["type"] == "plain_text"
    assert 1 <= utf16_length(text["text"]) <= limit


_BLOCKS = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "rich_text": _rich,
    "divider": _divider,
}
