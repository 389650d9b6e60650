"""Draws a message for a customer on Slack: rich text, buttons under the last part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from channels.slack.normalize import ACTION
from core.messages import Button
from core.rendering import Block
from core.rendering_slack import SlackPart, to_slack


def to_posts(blocks: Sequence[Block], buttons: Sequence[Button]) -> tuple[SlackPart, ...]:
    """The messages to post, in order."""
    parts = list(to_slack(blocks))
    if parts and buttons:
        parts[-1] = replace(parts[-1], blocks=(*parts[-1].blocks, _actions(buttons)))
    return tuple(parts)


def _actions(buttons: Sequence[Button]) -> dict[str, Any]:
    return {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": f"{ACTION}{button.id}"[:255],
                "text": {"type": "plain_text", "text": button.label[:75], "emoji": True},
                "value": button.id,
            }
            for button in buttons[:25]
        ],
    }
