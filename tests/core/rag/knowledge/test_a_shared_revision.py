"""A change of the knowledge in one process is followed in the others."""

from __future__ import annotations

from core.rag.knowledge.revision import SharedRevision
from core.storage.client import Database


async def test_a_change_is_heard_by_everybody_but_who_made_it(db: Database) -> None:
    one, two, heard = SharedRevision(db["knowledge"]), SharedRevision(db["knowledge"]), []

    async def hears(who: str) -> None:
        heard.append(who)

    one.on_changed_elsewhere(lambda: hears("one"))
    two.on_changed_elsewhere(lambda: hears("two"))
    await one.look()
    await two.look()
    assert heard == []
    one.changed()
    await one.look()
    await two.look()
    await two.look()
    assert heard == ["two"]
    # Both at once: each follows the other's.
    one.changed()
    two.changed()
    await one.tell()
    await two.tell()
    await one.look()
    await two.look()
    assert heard == ["two", "one", "two"]
