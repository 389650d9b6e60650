"""Reads Block Kit as text in Slack's notation: what a message without `text` says; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.rendering.slack import escape

DEEPEST = 12  #: blocks within blocks; nothing real comes near it


def block_text(blocks: object) -> str:
    """The visible words of these blocks, a line each; read it by `core.slack.mrkdwn.readable`."""
    return "\n".join(line for block in _list(blocks) if (line := _block(block, DEEPEST)).strip())


def _block(block: Mapping[str, Any], deep: int) -> str:
    if deep <= 0:
        return ""
    match block.get("type"):
        case "rich_text_list":
            items = (_block(item, deep - 1) for item in _list(block.get("elements")))
            return "\n".join(f"• {item}" for item in items)
        case "rich_text_quote":
            return "\n".join(f"> {line}" for line in _inline(block, deep).splitlines())
        case "rich_text_section" | "rich_text_preformatted":
            return _inline(block, deep)
        case "rich_text" | "context":
            lines = (_block(item, deep - 1) for item in _list(block.get("elements")))
            return "\n".join(line for line in lines if line.strip())
        case "mrkdwn" | "markdown":
            return str(block.get("text") or "")
        case "plain_text":
            return escape(str(block.get("text") or ""))
        case "image" | "video":
            return escape(str(block.get("alt_text") or ""))
        case "actions" | "input":
            return ""
        case _:
            parts = [block.get("text"), *_list(block.get("fields"))]
            return "\n".join(_block(part, deep - 1) for part in parts if isinstance(part, Mapping))


def _inline(block: Mapping[str, Any], deep: int) -> str:
    return "".join(_element(item, deep) for item in _list(block.get("elements")))


def _element(item: Mapping[str, Any], deep: int) -> str:
    match item.get("type"):
        case "text":
            return escape(str(item.get("text") or ""))
        case "link":
            label = escape(str(item.get("text") or "")).replace("|", "¦")
            url = escape(str(item.get("url") or ""))
            return f"<{url}|{label}>" if label else f"<{url}>"
        case "emoji":
            return f":{item.get('name') or ''}:"
        case "user":
            return f"<@{item.get('user_id') or ''}>"
        case "channel":
            return f"<#{item.get('channel_id') or ''}>"
        case "usergroup":
            return f"<!subteam^{item.get('usergroup_id') or ''}>"
        case "broadcast":
            return f"<!{item.get('range') or ''}>"
        case "date":
            return escape(str(item.get("fallback") or ""))
        case _:
            return _block(item, deep - 1)


def _list(value: object) -> Sequence[Mapping[str, Any]]:
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    return [item for item in items if isinstance(item, Mapping)]
