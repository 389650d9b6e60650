"""Saved views: one's own and the team's, named, changed, removed, and by whom."""

from __future__ import annotations

import pytest

from approvals.inbox import views
from core.errors import BadInput, NotFound, NotYours
from tests.approvals.office import JOON, MINA, SARA, Office

FILTERS = {"tag": "vip", "waiting": "true", "unknown": "x", "locale": ""}


async def names(office: Office, user: object) -> list[str]:
    """What this colleague can choose from."""
    return [v.name for v in await office.inbox.views.all(user)]  # type: ignore[arg-type]


async def test_ones_own_and_the_teams(office: Office) -> None:
    kept = office.inbox.views
    own = await kept.save(MINA, name=" Very  important ", filters=FILTERS, shared=False)
    assert (own.name, dict(own.filters)) == ("Very important", {"tag": "vip", "waiting": "true"})
    shared = await kept.save(MINA, name="Team", filters=FILTERS, shared=True)
    assert await names(office, MINA) == ["Team", "Very important"]
    assert await names(office, JOON) == ["Team"]
    with pytest.raises(NotYours):
        await kept.save(JOON, name="Mine", filters={}, shared=True, view_id=shared.id)
    with pytest.raises(NotYours):
        await kept.remove(JOON, shared.id)
    # Of another's own view nobody learns, a supervisor neither.
    for user in (JOON, SARA):
        with pytest.raises(NotFound):
            await kept.remove(user, own.id)
    renamed = await kept.save(SARA, name="All", filters=FILTERS, shared=True, view_id=shared.id)
    assert (renamed.id, renamed.by) == (shared.id, MINA.email)
    await kept.remove(SARA, shared.id)
    with pytest.raises(NotFound):
        await kept.remove(MINA, shared.id)
    with pytest.raises(NotFound):
        await kept.save(MINA, name="Again", filters={}, shared=True, view_id=shared.id)
    assert await names(office, MINA) == ["Very important"]


async def test_what_cannot_be_saved(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = office.inbox.views
    for name in ("", "\u200b", "x" * 61):
        with pytest.raises(BadInput):
            await kept.save(MINA, name=name, filters={}, shared=False)
    with pytest.raises(BadInput, match="leave addresses"):
        await kept.save(MINA, name="X", filters={"q": "ana@example.com"}, shared=False)
    monkeypatch.setattr(views, "MOST_OWN", 1)
    own = await kept.save(MINA, name="1", filters={}, shared=False)
    with pytest.raises(BadInput, match="already"):
        await kept.save(MINA, name="2", filters={}, shared=False)
    await kept.save(MINA, name="1 b", filters={}, shared=False, view_id=own.id)
    await kept.save(JOON, name="2", filters={}, shared=False)


async def test_whoever_leaves_takes_their_own_along(office: Office) -> None:
    kept = office.inbox.views
    await kept.save(MINA, name="Own", filters={}, shared=False)
    await kept.save(MINA, name="Team", filters={}, shared=True)
    await office.inbox.presence.set_away(MINA, away=True)
    await office.inbox.let_go(MINA)
    assert await names(office, MINA) == ["Team"]
    assert not (await office.inbox.presence.of(MINA)).away
