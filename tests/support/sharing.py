"""How tests are shared among workers: each gets an equal part of those that take long, soon.

A worker that has nothing left takes tests of others, the last of their lists. So what stands there
should be short, or at the end everybody waits for one. Those that take long start programs and keep
every core busy, and many of the others only wait: every second worker has some of these first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TypeVar

T = TypeVar("T")


def shared(
    tests: Sequence[T],
    workers: int,
    *,
    module: Callable[[T], str],
    takes_long: Callable[[T], bool],
) -> list[T]:
    """The tests in an order whose parts, one a worker and all of one length, end with short ones.

    Modules stay together as far as that goes, because their tests share what they start.
    """
    modules = [list(same) for _, same in groupby(tests, key=module)]
    long = [own for own in modules if any(map(takes_long, own))]
    # Neighbours are alike: each part gets some of every kind.
    first = [test for start in range(workers) for own in long[start::workers] for test in own]
    then = [test for own in modules if own not in long for test in own]
    ordered: list[T] = []
    for left in range(workers, 0, -1):
        # As xdist divides: what is left by how many workers are left.
        length = (len(first) + len(then)) // left
        begins = min(len(first) // left, length)
        before = (length - begins) // 3 if left % 2 else 0
        ordered += then[:before] + first[:begins] + then[before : length - begins]
        del first[:begins], then[: length - begins]
    return ordered
