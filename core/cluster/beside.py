"""Says which members cannot run beside each other."""

from __future__ import annotations

from collections.abc import Iterable

from core.cluster.model import Member


def reason_against(me: Member, others: Iterable[Member]) -> str:
    """The reason why we cannot work beside those who live, in words; "" if we can."""
    for one in others:
        if one.secret != me.secret:
            return (
                "A running process of this installation has another SECRET_KEY; give all "
                "of them the same, or stop them first."
            )
        if one.schema < me.oldest:
            return (
                f"{one.id} still runs, of release {one.version}, which does not understand "
                f"what release {me.version} says: stop all of that release first."
            )
        if me.schema < one.oldest:
            return (
                f"{one.id} runs, of release {one.version}, and release {me.version} "
                "does not understand what it says: install that release here, too."
            )
    return ""
