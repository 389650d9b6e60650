"""The checks that `doctor` runs, as values: a name, an attempt, a remedy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from core.errors import ContactCenterError

PATIENCE = 20.0  #: seconds for one check


Try = Callable[[], Awaitable[str]]
"""Says in a few words what it found; raises when it is not as it must be."""


class Advice(ContactCenterError):
    """It works, but something should be changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to try; `remedy` is what to do when it fails."""

    name: str
    attempt: Try
    remedy: str
    patience: float = PATIENCE


async def outcomes(checks: Sequence[Check]) -> AsyncIterator[tuple[str, Check, str]]:
    """("ok" | "note" | "FAIL", the check, what to say), in order."""
    for check in checks:
        try:
            async with asyncio.timeout(check.patience):
                yield "ok", check, await check.attempt()
        except Advice as advice:
            yield "note", check, advice.detail
        except TimeoutError:
            yield "FAIL", check, f"no answer within {check.patience:.0f} s. {check.remedy}"
        except ContactCenterError as error:
            yield "FAIL", check, f"{error.detail} {check.remedy}"
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            yield "FAIL", check, f"{reason}. {check.remedy}"


def timed(attempt: Try) -> Try:
    """The same, with how long it took."""

    async def run() -> str:
        began = time.perf_counter()
        said = await attempt()
        return f"{said} ({(time.perf_counter() - began) * 1000:.0f} ms)"

    return run
