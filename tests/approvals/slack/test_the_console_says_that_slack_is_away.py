"""Who decides on the console is told that Slack is away, wherever the desk was set up."""

from __future__ import annotations

import pytest

from app import App
from core.accounts.service import OPERATOR


@pytest.mark.parametrize("channel", ["C0DESK", ""])
async def test_a_desk_set_on_the_console_counts(app: App, channel: str) -> None:
    assert app.desk.slack.trouble() == ""
    if channel:
        await app.plugins.service.configure(
            OPERATOR,
            "slack",
            settings={
                "approvals_channel": channel,
                "bot_token": "xoxb-1-a",
                "app_token": "xapp-1-a",
            },
        )
    assert app.host.get("slack") is None
    assert app.desk.slack.trouble() == ("away" if channel else "")
