"""Exponential backoff: the pause after failures in a row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds that double with each failure in a row, up to a longest."""

    first: float
    longest: float

    def after(self, failures: int) -> float:
        """The pause after so many failures in a row; none after none."""
        if failures < 1:
            return 0.0
        return min(self.first * 2.0 ** min(failures - 1, 64), self.longest)
