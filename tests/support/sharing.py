"""How tests are shared among workers: each begins with an equal part of those that take long.

A worker that has nothing left takes tests of others, the last of their lists. So what stands there
should be short, or at the end everybody waits for one.
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
    """The tests in an order whose parts, one a worker and all of one length, begin with the long.

    Modules stay together as far as that goes, because their tests share what they start.
    """
    parts: list[list[T]] = [[] for _ in range(workers)]
    short: list[T] = []
    for _, same in groupby(tests, key=module):
        own = list(same)
        if any(map(takes_long, own)):
            min(parts, key=len).extend(own)
        else:
            short += own
    for number, part in enumerate(parts):
        # As xdist divides: what is left by how many workers are left.
        length = (sum(map(len, parts[number:])) + len(short)) // (workers - number)
        while len(part) > length and number + 1 < workers:
            parts[number + 1].insert(0, part.pop())
        missing = length - len(part)
        part += short[:missing]
        del short[:missing]
    return [test for part in parts for test in part]
