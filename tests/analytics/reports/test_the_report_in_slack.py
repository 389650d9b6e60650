"""The report in Slack: whatever customers ask, it keeps Slack's limits and notation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.analytics.conftest import Past
from tests.analytics.reports.test_reports import an_office, in_slack
from tests.approvals.limits import check_message, check_mrkdwn
from tests.support.servers.slack import SlackServer

pytestmark = pytest.mark.apart
DAY = date(2026, 11, 7)


@pytest.fixture
async def report(past: Past, tmp_path: Path) -> Mapping[str, Any]:
    """A day's, as it was counted."""
    return await an_office(past, past.clock, tmp_path).of(DAY)


async def test_no_question_ends_in_half_an_entity(
    past: Past, tmp_path: Path, report: Mapping[str, Any]
) -> None:
    async with SlackServer() as server:
        office = an_office(past, past.clock, tmp_path)
        face = in_slack(server, office)
        for text in ("&" * 400, "a" + "<>&" * 200, "👩‍👩‍👧‍👦&" * 200, "x" * 298 + "&&&"):
            asked = {"question": text, "count": 3, "examples": [text]}
            agent = {"agent": text[:250], "decisions": 1, "answers": 2, "approval_p50": 3.0}
            full = {**report, "missing": [asked] * 5, "agents": [agent] * 30}
            await face.post("daily:2026-11-07", full, late=True)
            posted = server.messages[-1]
            check_message(posted.text, posted.blocks)
            await face.add(posted.ts, full, [])
            for below in server.messages:
                check_mrkdwn(below.text, 4000)
