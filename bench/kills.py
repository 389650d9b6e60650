"""`python -m bench.kills`: SIGKILL between send and record, fifty times on every channel."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.support.kills import kill_between


async def main(kills: int, each: int) -> int:
    """Run, print a line a channel; 1 when a promise does not hold."""
    begun = time.perf_counter()

    def progress(done: int) -> None:
        print(f"{done}/{kills}", end=" ", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        tallies = await kill_between(Path(folder), kills=kills, each=each, progress=progress)
    print(f"{'channel':<10} {'hit':>6} {'lost':>6} {'doubled':>8} {'marked':>7} {'unsettled':>10}")
    holds = True
    for name, tally in tallies.items():
        print(
            f"{name:<10} {tally.kills:>6} {tally.lost:>6} {tally.doubled:>8} "
            f"{tally.marked:>7} {tally.open:>10}"
        )
        may_double = name == "telegram"  # its vendor offers no way to ask
        holds &= not tally.lost and not tally.open and not tally.unmarked
        holds &= may_double or not tally.doubled
    print(f"{'holds' if holds else 'DOES NOT HOLD'}, {time.perf_counter() - begun:.0f} s")
    return 0 if holds else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--each", type=int, default=1, help="conversations hit by each kill")
    asked = parser.parse_args()
    sys.exit(asyncio.run(main(asked.kills, asked.each)))
