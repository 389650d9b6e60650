"""`python -m tests.support.next_release`: the program as the next release would announce itself.

It knows one kind of event more; NEXT_OLDEST is the lowest schema beside which it runs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

from core.runtime import version

# Before anybody else has read them.
version.SCHEMA, version.VERSION = version.SCHEMA + 1, "9.0.0"
version.OLDEST = int(os.environ.get("NEXT_OLDEST", version.OLDEST))

from core.domain import events as ev  # noqa: E402 - as above


@dataclass(frozen=True, slots=True, kw_only=True)
class Praised(ev.Noted):
    """An event of the next release; it is folded as a note is."""

    kind: ClassVar[str] = "praised"
    schema: ClassVar[int] = version.SCHEMA


def main() -> None:
    """What `bot.py` does."""
    import bot

    assert isinstance(ev.EVENT_TYPES, dict)
    ev.EVENT_TYPES[Praised.kind] = Praised
    bot.main()


if __name__ == "__main__":
    main()
