"""For each promise a source that breaks it, which the kit must catch by the test of that name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel, SecretStr

from core.sdk.source import (
    Document,
    Item,
    Known,
    Source,
    SourceContext,
    SourcePlugin,
    SourceUnavailable,
    Unchanged,
    Unread,
)
from core.sdk.testing.contract.sheet import run_sheet
from core.sdk.testing.source_bench import SourceSimulator
from core.sdk.testing.source_contract import SourceContract
from sources.website.website import Website, WebsiteSettings
from tests.contract.source_systems import SiteSystem

Walk = AsyncIterator[Item]


class Broken:
    """The website with something wrong in it."""

    def __init__(self, settings: Any, context: SourceContext) -> None:
        self.inner = Website(settings, context)
        self.context = context

    def documents(self, known: Mapping[str, Known]) -> Walk:
        return self.broken(self.inner.documents(known), known)

    async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
        async for item in walk:
            yield item

    async def check(self) -> str:
        return await self.inner.check()


class GivesTwice(Broken):
    async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
        async for item in walk:
            yield item
            yield item


class TakesAnErrorForTheEnd(Broken):
    async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
        try:
            async for item in walk:
                yield item
        except SourceUnavailable:
            return


class DropsWhatFails(Broken):
    async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
        async for item in walk:
            if not isinstance(item, Unread):
                yield item


class DropsWhatIsUnchanged(Broken):
    async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
        async for item in walk:
            if not isinstance(item, Unchanged):
                yield item


class NeverForgets(Broken):
    async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
        given = set()
        async for item in walk:
            given.add(item.address)
            yield item
        for address in known.keys() - given:
            yield Unchanged(address=address)


class NeverReadsAgain(Broken):
    async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
        async for item in walk:
            yield Unchanged(address=item.address) if item.address in known else item


class MakesNewAddresses(Broken):
    async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
        async for item in walk:
            yield replace(item, address=f"{item.address}#{uuid4().hex}")


class StampsContents(Broken):
    def documents(self, known: Mapping[str, Known]) -> Walk:
        return self.broken(self.inner.documents({}), known)

    async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
        async for item in walk:
            if isinstance(item, Document):
                item = replace(item, content=item.content + f"<!--{time.time_ns()}-->".encode())
            yield item


class SaysNoKind(Broken):
    async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
        async for item in walk:
            if isinstance(item, Document):
                item = replace(item, media_type="", name="document")
            yield item


class Blocks(Broken):
    async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
        async for item in walk:
            time.sleep(0.8)
            yield item


class LeavesATask(Broken):
    async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
        self.left = asyncio.create_task(asyncio.sleep(300))
        async for item in walk:
            yield item


class WritesItsTokenDown(Broken):
    async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
        self.context.logger.info("asking with %s", "t0ken-of-ours")
        async for item in walk:
            yield item


class ChecksNothing(Broken):
    async def check(self) -> str:
        return "All is well."


BUGS = {
    GivesTwice: "test_every_document_comes_once",
    TakesAnErrorForTheEnd: "test_a_system_that_is_down_is_no_emptied_one",
    DropsWhatFails: "test_a_document_that_cannot_be_read_is_not_gone",
    DropsWhatIsUnchanged: "test_what_has_not_changed_is_there",
    NeverForgets: "test_what_is_removed_is_not_given",
    NeverReadsAgain: "test_a_change_comes",
    MakesNewAddresses: "test_addresses_stay_the_same",
    StampsContents: "test_what_has_not_changed_is_there",
    SaysNoKind: "test_documents_are_what_they_say",
    Blocks: "test_the_loop_goes_on_turning",
    LeavesATask: "test_breaking_off_leaves_nothing",
    WritesItsTokenDown: "test_secrets_are_neither_shown_nor_logged",
    ChecksNothing: "test_the_check_is_true",
}


class TokenSettings(WebsiteSettings):
    """With a secret that is shown like any other setting."""

    token: str = ""


class SealedSettings(WebsiteSettings):
    """With a secret that is one."""

    token: SecretStr = SecretStr("")


class TokenSystem(SiteSystem):
    def settings(self) -> Mapping[str, Any]:
        return {**super().settings(), "token": "t0ken-of-ours"}


def contract_of(
    create: Any, settings: type[BaseModel], system: type[SourceSimulator]
) -> type[SourceContract]:
    """The contract for this source."""

    def made(given: Any, context: SourceContext) -> Source:
        found: Source = create(given, context)
        return found

    named = {
        "plugin": SourcePlugin(settings=settings, create=made),
        "system": lambda _self: system(),
        "exempt": {"test_refused_credentials_are_said": "a website asks for none"},
    }
    return type("Tested", (SourceContract,), named)


def fails(test: str, create: Any, settings: Any = WebsiteSettings, system: Any = SiteSystem) -> str:
    """What the test of this name says of the source; "" where it passes."""
    contract = contract_of(create, settings, system)
    try:
        getattr(contract(), test)()
    except (Exception, ExceptionGroup) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_a_good_source_passes() -> None:
    lines = run_sheet(contract_of(Broken, SealedSettings, TokenSystem))
    assert [line for line in lines if line.outcome == "failed"] == []
    assert len([line for line in lines if line.outcome == "passed"]) == len(lines) - 1


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_each_bug_is_caught(bug: type[Broken]) -> None:
    assert fails(BUGS[bug], bug, SealedSettings, TokenSystem)


def test_a_secret_that_is_shown_is_caught() -> None:
    told = fails("test_secrets_are_neither_shown_nor_logged", Broken, TokenSettings, TokenSystem)
    assert "SecretStr" in told


def test_a_source_that_goes_round_the_loop_is_caught() -> None:
    class AsksOnAThread(Broken):
        async def broken(self, walk: Walk, known: Mapping[str, Known]) -> Walk:
            import urllib.request

            url = str(self.inner._settings.url)

            def ask() -> None:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    answer.read()

            await asyncio.to_thread(ask)
            async for item in walk:
                yield item

    assert "may not" in fails("test_it_connects_only_where_it_may", AsksOnAThread)


def test_no_promise_is_replaced_or_left_out_in_silence() -> None:
    with pytest.raises(TypeError, match="replaces"):
        type("Bad", (SourceContract,), {"test_a_change_comes": lambda self: None})
    for exempt in ({"test_a_change_comes": "because"}, {"test_x": "there is none of it"},
                   {"test_refused_credentials_are_said": "no"}):  # fmt: skip
        with pytest.raises(TypeError):
            type("Bad", (SourceContract,), {"exempt": exempt})
