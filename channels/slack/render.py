"""Renders a message for a customer on Slack: rich text, buttons under the last part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from channels.slack.normalize import ACTION
from core.domain.messages import Button
from core.rendering.slack import SlackMessage, to_slack
from core.rendering.tree import Block
from core.slack.blocks import actions, button


def to_posts(blocks: Sequence[Block], buttons: Sequence[Button]) -> tuple[SlackMessage, ...]:
    """The messages to post, in order."""
    parts = list(to_slack(blocks))
    if parts and buttons:
        row = [button(b.label, action=f"{ACTION}{b.id}", value=b.id) for b in buttons]
        parts[-1] = replace(parts[-1], blocks=(*parts[-1].blocks, actions(*row)))
    return tuple(parts)
