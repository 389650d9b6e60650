"""Telegram is enabled, its token made wrong, disabled, enabled, under twenty conversations."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.switching import CONVERSATIONS, switch_under_load


@pytest.mark.timeout(300)
async def test_no_web_message_is_lost_and_every_state_has_its_reason(tmp_path: Path) -> None:
    run = await switch_under_load(tmp_path, calm=1.0, busy=3.0)
    assert run.lost == 0
    assert all(len(lap.waits) >= CONVERSATIONS for lap in run.laps if lap.seen[0])
    seen = {lap.name: lap.seen for lap in run.laps if lap.seen[0]}
    assert seen["enabled"] == ("running", "")
    state, reason = seen["wrong token"]
    assert state == "needs_admin"
    # The address is an admin's here, so what it answers is not repeated.
    assert "refuses the credentials" in reason
    assert seen["disabled"] == ("disabled", "")
    assert seen["enabled again"] == ("running", "")
    # How late messages are is for a quiet machine to say: python -m bench.switching
    assert len(run.delivered) == 1
