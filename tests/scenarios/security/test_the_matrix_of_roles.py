"""Every action for every role through every face, as the documentation prints it."""

from __future__ import annotations

from pathlib import Path

from core.accounts.roles import Action
from core.storage.client import Database
from tests.support.access.matrix import FILE, document, everything


async def test_it_is_as_expected_and_as_printed(
    db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    found = await everything(db, mongo_uri, tmp_path)
    assert [one for one in found if not one.good] == []
    assert {one.action for one in found} == set(Action)
    assert {one.face for one in found} == {"API", "console", "Slack", "CLI"}
    again = "run `.venv/bin/python -m tests.support.access.matrix`"
    assert FILE.read_text() == document(found), again
