"""The source contract as tests: subclass `SourceContract`, give it your system, run it.

    class TestAcme(SourceContract):
        plugin = acme.plugin

        def system(self) -> SourceSimulator:
            return AcmeServer()

Runs under pytest and under `bot.py plugins test`, each test on a loop of its own. A test that
cannot apply is named in `exempt` with the reason, which the sheet shows.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import PurePosixPath

from core.sdk.source import (
    LARGEST_MEMO,
    LONGEST_ADDRESS,
    ChecksSource,
    Document,
    SourceIncomplete,
    SourceRefused,
    SourceUnavailable,
    Unchanged,
    Unread,
)
from core.sdk.testing.bench import Heard, loop_turns
from core.sdk.testing.source_bench import SourceBench, SourceChecks, scenario, tests_in

NEVER_EXEMPT = frozenset(
    {
        "test_every_document_comes_once",
        "test_a_change_comes",
        "test_what_is_removed_is_not_given",
        "test_a_system_that_is_down_is_no_emptied_one",
    }
)
NAMES = ("returns", "parking", "sauna")


class SourceContract(SourceChecks):
    """All the promises of `core.sdk.source.Source`; see the module for how to use it."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        names = tests_in(SourceContract)
        for name in names:
            if name in vars(cls):
                raise TypeError(f"{cls.__name__} replaces {name}; name it in `exempt` instead.")
        for name, reason in cls.exempt.items():
            if name not in names:
                raise TypeError(f"{cls.__name__}.exempt names {name}, and there is no such test.")
            if name in NEVER_EXEMPT:
                raise TypeError(f"{cls.__name__}.exempt names {name}; every source has to pass it.")
            if len(reason) < 10:
                raise TypeError(f"{cls.__name__}.exempt gives no reason for {name}.")

    @scenario
    async def test_every_document_comes_once(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        items = await bench.sync()
        addresses = [item.address for item in items]
        assert len(addresses) == len(set(addresses)), "a document was given twice"
        for name in NAMES:
            found = [i for i in bench.documents if bench.text_of(name) in bench.said(i)]
            assert found, f"the document {name!r} was not given"

    @scenario
    async def test_documents_are_what_they_say(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        await bench.sync()
        for item in bench.documents:
            assert isinstance(item.content, bytes), "content is not bytes"
            assert 0 < len(item.address) <= LONGEST_ADDRESS, "an address is empty or too long"
            assert len(item.memo) <= LARGEST_MEMO, "a memo is too long"
            named = PurePosixPath(item.name or item.address).suffix
            assert item.media_type or named, f"{item.address}: nothing says what kind it is"
            assert item.url.startswith(("http://", "https://", "")), "a url is not http(s)"

    @scenario
    async def test_addresses_stay_the_same(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        first = {item.address for item in await bench.sync()}
        bench.forget()
        assert {item.address for item in await bench.sync()} == first, "addresses have changed"

    @scenario
    async def test_what_has_not_changed_is_there(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        first = {item.address for item in await bench.sync()}
        for _ in range(2):
            again = await bench.sync()
            assert {item.address for item in again} == first, "an unchanged document is missing"
            changed = [i for i in bench.documents if bench.is_new(i)]
            assert not changed, f"{[i.address for i in changed]} came as changed"

    @scenario
    async def test_a_change_comes(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        await bench.sync()
        await bench.put("sauna", "The sauna is closed in the month of July.")
        await bench.sync()
        new = [i for i in bench.documents if bench.is_new(i)]
        assert any("month of July" in bench.said(i) for i in new), "a change was not given"
        assert not any(bench.text_of("parking") in bench.said(i) for i in new), (
            "what has not changed came as changed"
        )

    @scenario
    async def test_what_is_new_comes(self, bench: SourceBench) -> None:
        await bench.fill(NAMES[:2])
        await bench.sync()
        await bench.put("breakfast", "Breakfast is served until eleven.")
        await bench.sync()
        assert any("until eleven" in bench.said(i) for i in bench.documents), "it did not come"

    @scenario
    async def test_what_is_removed_is_not_given(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        await bench.sync()
        gone = bench.address_of("parking")
        await bench.system.remove("parking")
        given = {item.address for item in await bench.sync()}
        assert gone not in given, "a removed document is still given"
        assert bench.address_of("sauna") in given, "what is left was not given"

    @scenario
    async def test_an_emptied_system_gives_nothing(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        ours = {item.address for item in await bench.sync() if isinstance(item, Document)}
        for name in NAMES:
            await bench.system.remove(name)
        try:
            given = {item.address for item in await bench.sync()}
        except SourceUnavailable:
            return  # it may say that it does not believe it
        left = {bench.address_of(name) for name in NAMES} & given & ours
        assert not left, f"removed documents are still given: {sorted(left)}"

    @scenario
    async def test_a_system_that_is_down_is_no_emptied_one(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        await bench.sync()
        bench.system.go_down()
        try:
            items = await bench.sync()
        except (SourceUnavailable, SourceIncomplete):
            return
        given = {item.address for item in items}
        missing = [name for name in NAMES if bench.address_of(name) not in given]
        assert not missing, f"the system was down, and {missing} count as gone"

    @scenario
    async def test_a_document_that_cannot_be_read_is_not_gone(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        await bench.sync()
        bench.system.break_one("parking")
        try:
            items = await bench.sync()
        except (SourceUnavailable, SourceIncomplete):
            return
        kinds = {item.address: item for item in items}
        broken = kinds.get(bench.address_of("parking"))
        assert isinstance(broken, Unread | Unchanged), "it counts as gone, or as changed"
        assert bench.address_of("sauna") in kinds, "one document kept the others from coming"

    @scenario
    async def test_refused_credentials_are_said(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        bench.system.refuse()
        try:
            await bench.sync()
        except SourceRefused:
            return
        raise AssertionError("the credentials were refused, and SourceRefused was not raised")

    @scenario
    async def test_creating_it_does_no_work(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        before = bench.system.requests
        bench.make()
        await asyncio.sleep(0.1)
        assert bench.system.requests == before, "it was asked before anybody wanted documents"

    @scenario
    async def test_it_connects_only_where_it_may(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        before = bench.system.requests
        bench.deny()
        try:
            items = await bench.sync()
        except (SourceUnavailable, SourceIncomplete):
            items = []
        assert bench.system.requests == before, "it connected to where it may not"
        assert not any(isinstance(item, Document) for item in items), "it read what it may not"

    @scenario
    async def test_breaking_off_leaves_nothing(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        before = asyncio.all_tasks()
        await bench.first()
        for _ in range(100):
            left = {t for t in asyncio.all_tasks() - before if not bench.system.owns(t)}
            if not left:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"left behind: {[t.get_name() for t in left]}")

    @scenario
    async def test_the_loop_goes_on_turning(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        async with loop_turns():
            await bench.sync()

    @scenario
    async def test_the_check_is_true(self, bench: SourceBench) -> None:
        await bench.fill(NAMES)
        source = bench.make()
        if not isinstance(source, ChecksSource):
            return
        assert (await source.check()).strip(), "the check says nothing"
        bench.system.go_down()
        try:
            said = await bench.make_checking().check()
        except SourceUnavailable:
            return
        raise AssertionError(f"the system is down, and the check says {said!r}")

    @scenario
    async def test_secrets_are_neither_shown_nor_logged(self, bench: SourceBench) -> None:
        log, root = Heard(), logging.getLogger()
        level = root.level
        root.addHandler(log)
        root.setLevel(logging.DEBUG)
        try:
            await bench.fill(NAMES)
            await bench.sync()
        finally:
            root.removeHandler(log)
            root.setLevel(level)
        given = bench.system.settings()
        shown = repr(self.plugin.settings.model_validate(dict(given)))
        lines = "\n".join(log.lines)
        for name, value in given.items():
            secret = any(w in name.lower() for w in ("token", "secret", "password", "key"))
            if secret and isinstance(value, str) and len(value) >= 6:
                assert value not in shown, f"{name} is not a SecretStr"
                assert value not in lines, f"{name} is in the log"
