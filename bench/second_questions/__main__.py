"""`python -m bench.second_questions [FOLDER]`: second questions through the whole path.

`--show KIND` prints what went wrong and what waits.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.cached_encoder import CachedEncoder
from bench.second_questions.asking import Outcome, outcomes_of
from bench.second_questions.talks import FOLDER, KINDS, companies

CACHE = Path("/tmp/second-questions.pickle")


async def ask(folder: Path = FOLDER, *, cache: Path = CACHE) -> list[Outcome]:
    """Every talk of every file."""
    encoder = CachedEncoder(cache)
    found = []
    for company in companies(folder):
        found += await outcomes_of(company, encoder)
    encoder.save()
    return found


def table(outcomes: Sequence[Outcome]) -> str:
    """Shares by kind and language."""
    lines = [f"{'':<24}  talks   right  known right   wrong  half  lost"]
    for kind in KINDS:
        for locale in ("en", "ko", ""):
            some = [o for o in outcomes if o.talk.kind == kind and o.locale.startswith(locale)]
            if not some:
                continue
            known = [o for o in some if o.known]
            lines.append(
                f"{kind + ' ' + (locale or 'both'):<24} {len(some):>6}"
                f" {_share(o.right for o in some):>7} {_share(o.right for o in known):>12}"
                f" {_share(o.wrong for o in some):>7} {sum(o.half for o in some):>5}"
                f" {sum(o.lost for o in some):>5}"
            )
    return "\n".join(lines)


def _share(values: Iterable[bool]) -> str:
    found = list(values)
    return f"{sum(found) / len(found):.3f}" if found else "-"


def shown(outcomes: Sequence[Outcome], kind: str) -> str:
    """What was not as wanted, one by one."""
    lines = []
    for o in outcomes:
        if (o.right and not o.lost) or (kind not in ("all", o.talk.kind)):
            continue
        mark = "WRONG" if o.wrong else "LOST" if o.lost else "waits"
        wanted = " + ".join("/".join(sorted(part)) or "-" for part in o.talk.wanted)
        said = " >> ".join(o.talk.steps).replace("\n", "\\n")
        found = ",".join(o.cited or [c.id for c in o.draft.citations] if o.draft else [])
        sure = f"{o.draft.confidence:.2f}" if o.draft else ""
        lines.append(
            f"{mark:<6} {o.talk.kind:<13} {said}\n       wanted {wanted}; got {found} {sure}"
            f" {' '.join(o.reasons)}"
        )
    return "\n".join(lines)


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--show", default="", help="a kind, or all")
    parser.add_argument("--cache", type=Path, default=CACHE)
    asked = parser.parse_args()
    outcomes = await ask(asked.folder, cache=asked.cache)
    if asked.show:
        print(shown(outcomes, asked.show))
    print(table(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
