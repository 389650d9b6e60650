"""SIGKILL between send and record, on every channel: nothing lost, doubles only where marked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.kills import kill_between

KILLS = 3  #: `python -m bench.kills` does the full fifty


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_no_answer_is_lost_and_doubles_are_marked_and_telegrams_only(tmp_path: Path) -> None:
    tallies = await kill_between(tmp_path, kills=KILLS)
    for name, tally in tallies.items():
        assert tally.lost == 0, (name, tally)
        assert tally.open == 0, (name, tally)
        assert tally.unmarked == [], (name, tally)
    assert tallies["sms"].doubled == tallies["slack"].doubled == 0, tallies
    # Telegram cannot be asked: what may have arrived goes out again, and says so.
    assert tallies["telegram"].marked >= tallies["telegram"].doubled, tallies
