"""Retries calls to Slack that it has certainly not carried out, after as long as it asks for.

For callers without a loop of their own; cards and customers' messages have one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from core.clock import Clock
from core.slack.errors import SlackLater

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Limited retries; the last one's error goes to the caller."""

    clock: Clock
    tries: int = 4
    pause: float = 5.0  #: seconds, where Slack does not say how long
    longest: float = 60.0

    async def __call__(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer to what is asked. Raises SlackError."""
        for _ in range(self.tries - 1):
            try:
                return await ask()
            except SlackLater as error:
                await self.clock.sleep(min(error.after or self.pause, self.longest))
        return await ask()
