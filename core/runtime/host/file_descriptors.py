"""The limit of file descriptors, and how many connections fit in it."""

from __future__ import annotations

import contextlib
import resource
from dataclasses import dataclass

UNBOUNDED = 1_048_576  #: what counts as no limit: systems that name none refuse more than this
MACOS = 10_240  #: OPEN_MAX, above which macOS refuses although it names no limit
SPARE = 64  #: kept for the store, vendors and files whatever the limit is
MOST_SPARE = 512  #: more than this they never need


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptors:
    """The limit of open descriptors: now, and at most."""

    soft: int
    hard: int

    @property
    def spare(self) -> int:
        """How many are kept from connections."""
        return min(max(self.soft // 4, SPARE), MOST_SPARE)

    def room(self, *, most: int) -> int:
        """How many connections fit beside what we need ourselves, `most` at most."""
        return max(1, min(most, self.soft - self.spare))


def descriptors() -> Descriptors:
    """The limits of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Descriptors(soft=_number(soft), hard=_number(hard))


def raise_to_hard_limit() -> Descriptors:
    """Allow ourselves all that the system allows us; children inherit it.

    The soft limit of 1,024 that most systems start programs with is there for programs that use
    `select`, which none of ours does.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, UNBOUNDED, MACOS):
        before, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if before in (resource.RLIM_INFINITY, hard) or _number(before) >= _number(wanted):
            break
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return descriptors()


def _number(limit: int) -> int:
    return UNBOUNDED if limit == resource.RLIM_INFINITY else limit
