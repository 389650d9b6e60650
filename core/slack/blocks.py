"""Block Kit builders that keep Slack's limits, whatever text they are given; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.slack.mrkdwn import beginning, clip, whole_lines

Block = dict[str, Any]

MOST_MODAL_BLOCKS = 100  #: of a modal or an App Home
SECTION = 3000  #: characters of a section's text
HEADER = 150
BUTTON = 75
ACTION_ID = 255
TITLE = 24  #: of a modal
VALUE = 2000  #: of a button
METADATA = 3000  #: of a view
INPUT = 3000  #: of a plain-text input
CONTEXT_ELEMENTS = 10
OVERFLOW = 5  #: options
OPTION_VALUE = 150


def plain(text: str, limit: int) -> Block:
    """A plain-text object; Slack refuses empty ones."""
    return {"type": "plain_text", "text": clip(text, limit) or " ", "emoji": True}


def header(text: str) -> Block:
    """A headline."""
    return {"type": "header", "text": plain(" ".join(text.split()), HEADER)}


def section(mrkdwn: str, *, accessory: Block | None = None) -> Block:
    """A paragraph; lines that are too many are left out."""
    block: Block = {
        "type": "section",
        "text": {"type": "mrkdwn", "text": whole_lines(mrkdwn, SECTION) or " "},
    }
    return block | {"accessory": accessory} if accessory else block


def context(*lines: str) -> Block:
    """Small print."""
    elements = [{"type": "mrkdwn", "text": whole_lines(line, SECTION)} for line in lines if line]
    return {"type": "context", "elements": elements[:CONTEXT_ELEMENTS] or [_blank()]}


def divider() -> Block:
    """A line across."""
    return {"type": "divider"}


def quoted(text: str, limit: int = SECTION) -> Block:
    """What somebody wrote, letter by letter, set off from our own words."""
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_quote", "elements": [_run(clip(text, limit))]}],
    }


def at_length(text: str, *, quote: bool, most: int = 4) -> list[Block]:
    """A long text in several blocks; what is beyond them ends in an ellipsis."""
    draw = quoted if quote else literal
    parts: list[str] = []
    while text and len(parts) < most:
        part = beginning(text, SECTION)
        parts.append(part)
        text = text[len(part) :]
    if text:
        parts[-1] = clip(parts[-1] + text, SECTION)
    return [draw(part) for part in parts if part.strip()]


def literal(text: str, limit: int = SECTION) -> Block:
    """A text letter by letter."""
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [_run(clip(text, limit))]}],
    }


def button(label: str, *, action: str, value: str, style: str = "", url: str = "") -> Block:
    """A button; `style` is primary, danger or nothing."""
    made: Block = {
        "type": "button",
        "action_id": action[:ACTION_ID],
        "text": plain(label, BUTTON),
        "value": clip(value, VALUE),
    }
    if style:
        made["style"] = style
    if url:
        made["url"] = url
    return made


def overflow(options: Sequence[Block], *, action: str) -> Block:
    """The menu behind three dots."""
    return {"type": "overflow", "action_id": action, "options": list(options[:OVERFLOW])}


def option(label: str, *, value: str, url: str = "") -> Block:
    """One choice of a menu, a list or radio buttons."""
    made: Block = {"text": plain(label, BUTTON), "value": clip(value, OPTION_VALUE)}
    if url.startswith(("https://", "http://")) and len(url) <= SECTION:
        made["url"] = url
    return made


def actions(*elements: Block, block_id: str = "") -> Block:
    """A row of buttons."""
    made: Block = {"type": "actions", "elements": list(elements[:25])}
    return made | {"block_id": block_id} if block_id else made


def text_input(
    label: str,
    *,
    block_id: str,
    initial: str = "",
    optional: bool = False,
    hint: str = "",
) -> Block:
    """A field of several lines."""
    element: Block = {
        "type": "plain_text_input",
        "action_id": "text",
        "multiline": True,
        "max_length": INPUT,
    }
    if initial:
        element["initial_value"] = clip(initial, INPUT)
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, 2000),
        "element": element,
        "optional": optional,
    }
    return block | {"hint": plain(hint, 2000)} if hint else block


def choice(label: str, options: Sequence[Block], *, block_id: str, initial: int = 0) -> Block:
    """Radio buttons with one of them chosen."""
    element = {
        "type": "radio_buttons",
        "action_id": "choice",
        "options": list(options[:10]),
        "initial_option": options[initial],
    }
    return {"type": "input", "block_id": block_id, "label": plain(label, 2000), "element": element}


def modal(
    title: str,
    blocks: Sequence[Block],
    *,
    callback: str = "",
    metadata: str = "",
    submit: str = "",
    close: str = "",
) -> Block:
    """A window; without `submit` it only tells something."""
    view: Block = {
        "type": "modal",
        "title": plain(title, TITLE),
        "blocks": list(blocks[:MOST_MODAL_BLOCKS]),
    }
    if callback:
        view["callback_id"] = callback
    if metadata:
        view["private_metadata"] = metadata[:METADATA]
    if submit:
        view["submit"] = plain(submit, TITLE)
    if close:
        view["close"] = plain(close, TITLE)
    return view


def _run(text: str) -> Block:
    return {"type": "text", "text": text or " "}


def _blank() -> Block:
    return {"type": "mrkdwn", "text": " "}
