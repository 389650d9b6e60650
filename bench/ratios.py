"""Ours beside a peer: measured in turn, the medians divided, held against a bound."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bench.load import Result
from bench.peers import Peer, serving

PAIRS = 3

Run = Callable[[Peer], Awaitable[Result]]
Figure = Callable[[Result], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: ours beside the peer's, and what the ratio has to keep."""

    name: str
    ours: float
    peer: float
    unit: str
    least: float | None = None
    most: float | None = None

    @property
    def ratio(self) -> float:
        """Ours as a multiple of the peer's."""
        return self.ours / self.peer if self.peer else 0.0

    @property
    def holds(self) -> bool:
        """Whether the ratio keeps its bound."""
        return (self.least is None or self.ratio >= self.least) and (
            self.most is None or self.ratio <= self.most
        )

    def __str__(self) -> str:
        bound = f"≥ {self.least:.2f}" if self.least is not None else ""
        bound = f"≤ {self.most:.2f}" if self.most is not None else bound
        verdict = "" if not bound else ("holds" if self.holds else "DOES NOT HOLD")
        return (
            f"{self.name:<52} {self.ours:>10.2f} {self.peer:>10.2f} {self.unit:<6} "
            f"{self.ratio:>6.2f} × {bound:>7} {verdict}"
        )


async def pairs(
    name: str,
    *,
    ours: tuple[Sequence[str], Run],
    peer: tuple[Sequence[str], Run],
    figure: Figure,
    unit: str,
    least: float | None = None,
    most: float | None = None,
) -> Row:
    """Both servers up, measured in turn A B A B; medians of the figures."""
    mine: list[float] = []
    theirs: list[float] = []
    ours_ready = "Sign in" if "bot.py" in ours[0] else "ready"
    async with serving(ours[0], ready=ours_ready) as a, serving(peer[0]) as b:
        for _ in range(PAIRS):
            mine.append(figure(await ours[1](a)))
            theirs.append(figure(await peer[1](b)))
    row = Row(
        name=name,
        ours=statistics.median(mine),
        peer=statistics.median(theirs),
        unit=unit,
        least=least,
        most=most,
    )
    print(row, flush=True)
    return row
