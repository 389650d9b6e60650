"""The audit chain: what is written stays, and what was touched is found."""

from __future__ import annotations

import asyncio

from core.accounts.audit.export import as_csv
from core.accounts.audit.log import MASK, Audit, Entry, Wanted
from core.clock import SystemClock
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database


async def filled(db: Database, count: int = 10) -> Audit:
    audit = Audit(db, clock=SystemClock())
    for number in range(count):
        await audit.record("user.role", who="a@b.c", subject=f"u{number}", after={"role": "agent"})
    return audit


async def faults(db: Database) -> str:
    return "; ".join((await Audit(db, clock=SystemClock()).verify()).faults)


async def test_an_untouched_chain_is_intact(db: Database) -> None:
    empty = await Audit(db, clock=SystemClock()).verify()
    assert (empty.entries, empty.is_intact) == (0, True)
    await filled(db)
    checked = await Audit(db, clock=SystemClock()).verify()
    assert (checked.entries, checked.is_intact) == (10, True)


async def test_a_changed_entry_is_found(db: Database) -> None:
    await filled(db)
    await db["audit"].update_one({"_id": 4}, {"$set": {"after.role": "agenT"}})
    assert await faults(db) == "entry 4 was changed"


async def test_a_changed_entry_with_a_new_hash_is_found(db: Database) -> None:
    from core.accounts.audit.log import _hash

    await filled(db)
    document = await db["audit"].find_one({"_id": 4})
    assert document is not None
    document["who"] = "somebody@else"
    document["hash"] = _hash(document)
    await db["audit"].replace_one({"_id": 4}, document)
    assert await faults(db) == "entry 5 does not follow the one before it"


async def test_missing_entries_are_found_also_the_last(db: Database) -> None:
    await filled(db)
    await db["audit"].delete_one({"_id": 3})
    assert "entry 3 is missing" in await faults(db)
    await db["audit"].delete_many({"n": {"$gt": 8}})
    assert "entries 9-10 are missing" in await faults(db)
    await db["audit"].delete_many({})
    assert "entries 1-10 are missing" in await faults(db)


async def test_an_inserted_entry_is_found(db: Database) -> None:
    await filled(db)
    document = await db["audit"].find_one({"_id": 4})
    assert document is not None
    await db["audit"].insert_one({**document, "_id": 99, "n": 99, "key": "#99"})
    assert await faults(db)
    await db["audit"].delete_one({"_id": 99})
    await db["audit"].insert_one({**document, "_id": 98, "chain": "other", "key": "#98"})
    assert "outside the chain" in await faults(db)


async def test_many_writers_make_one_chain(db: Database) -> None:
    audits = [Audit(db, clock=SystemClock()) for _ in range(4)]
    await asyncio.gather(*(audit.record("x", who=f"w{n}") for n, audit in enumerate(audits * 10)))
    checked = await Audit(db, clock=SystemClock()).verify()
    assert (checked.entries, checked.faults) == (40, ())


async def test_the_same_key_is_recorded_once(db: Database) -> None:
    audit = await filled(db, 1)
    for _ in range(3):
        await audit.record("draft.approve", who="a@b.c", key="c1/7")
    await Audit(db, clock=SystemClock()).record("draft.approve", who="a@b.c", key="c1/7")
    assert len(await audit.page()) == 2
    assert (await audit.verify()).is_intact


async def test_secrets_are_masked(db: Database) -> None:
    audit = await filled(db, 0)
    await audit.record(
        "plugin.set",
        who="a@b.c\ud800",
        before={"bot_token": "12345:abc", "deep": {"api_key": "k"}, "name": "x"},
        after={"signing_secret": "s", "list": [{"password": "p"}]},
    )
    [entry] = await audit.page()
    assert entry.before == {"bot_token": MASK, "deep": {"api_key": MASK}, "name": "x"}
    assert entry.after == {"signing_secret": MASK, "list": [{"password": MASK}]}
    assert (await audit.verify()).is_intact


async def test_pages_go_back_in_time(db: Database) -> None:
    audit = await filled(db, 25)
    first = await audit.page(limit=10)
    assert [entry.n for entry in first] == list(range(25, 15, -1))
    second = await audit.page(before=first[-1].n, limit=10)
    assert [entry.n for entry in second] == list(range(15, 5, -1))


async def test_a_flipped_byte_is_found_wherever_it_stands(db: Database) -> None:
    await filled(db, 3)
    whole = await db["audit"].find_one({"_id": 2})
    assert whole is not None
    for name, value in whole.items():
        if name in ("_id", "chain", "key") or not isinstance(value, str) or not value:
            continue
        flipped = chr(ord(value[0]) ^ 1) + value[1:]
        await db["audit"].update_one({"_id": 2}, {"$set": {name: flipped}})
        assert await faults(db), name
        await db["audit"].update_one({"_id": 2}, {"$set": {name: value}})
    assert not await faults(db)


async def test_entries_are_found_by_who_what_whom_and_when(db: Database) -> None:
    audit = Audit(db, clock=ManualClock())
    for n in range(40):
        await audit.record(
            "sign_in.link" if n % 2 else "user.role", who=f"W{n % 4}@x.y", subject=f"s{n}"
        )
    found = await audit.page(limit=5, wanted=Wanted(who="w3", what="sign_in"))
    assert [entry.n for entry in found] == [40, 36, 32, 28, 24]
    rest = await audit.page(before=24, limit=50, wanted=Wanted(who="w3", what="sign_in"))
    assert [entry.n for entry in rest] == [20, 16, 12, 8, 4]
    assert len(await audit.page(limit=99, wanted=Wanted(since="2026-03", until="2026-03-02"))) == 40
    assert await audit.page(wanted=Wanted(since="2026-03-03")) == []
    assert [e.subject async for e in audit.entries(wanted=Wanted(subject="s7"))] == ["s7"]


def test_a_file_for_spreadsheets_holds_no_formula() -> None:
    entry = Entry(
        n=1, at="t", who="=cmd()", what="x", address="", subject='a,"b', before={}, after={"k": 1}
    )
    line = as_csv([entry]).splitlines()[1]
    assert line == '1,t,\'=cmd(),x,"a,""b",,"{""k"":1}",'
