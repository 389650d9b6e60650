"""The base of contract tests: own loop, own vendor, time limit, nothing left behind."""

from __future__ import annotations

import asyncio
import functools
import tempfile
import unittest
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from core.sdk.plugin import ChannelPlugin
from core.sdk.testing.bench import Bench
from core.sdk.testing.vendor import VendorSimulator

TEST_SECONDS = 120.0


class Checks:
    """The base of every group of conformance tests."""

    plugin: ClassVar[ChannelPlugin[Any]]
    channel_id: ClassVar[str]
    public_url: ClassVar[str] = "https://desk.example"
    exempt: ClassVar[Mapping[str, str]] = {}  #: test name to the reason why it cannot apply

    def vendor(self) -> VendorSimulator:
        """A new simulator of the vendor."""
        raise NotImplementedError


C = TypeVar("C", bound=Checks)


def scenario(check: Callable[[C, Bench], Awaitable[None]]) -> Callable[[C], None]:
    """Makes a plain test of an asynchronous one: own loop, time limit, nothing left behind."""

    @functools.wraps(check)
    def test(self: C) -> None:
        reason = type(self).exempt.get(check.__name__)
        if reason:
            raise unittest.SkipTest(reason)
        asyncio.run(_within_limits(self, check))

    # pytest asks the wrapped function for its arguments and would look for fixtures.
    del test.__wrapped__
    return test


async def _within_limits(contract: C, check: Callable[[C, Bench], Awaitable[None]]) -> None:
    with tempfile.TemporaryDirectory(prefix="contract-") as folder:
        vendor = contract.vendor()
        await vendor.start()
        bench = Bench(
            contract.plugin,
            vendor,
            channel_id=contract.channel_id,
            public_url=contract.public_url,
            folder=Path(folder),
        )
        try:
            async with asyncio.timeout(TEST_SECONDS):
                await check(contract, bench)
        except TimeoutError as error:
            raise AssertionError(f"It took longer than it may: {error or 'time limit'}.") from error
        finally:
            await bench.close()
