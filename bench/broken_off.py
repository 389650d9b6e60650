"""`python -m bench.broken_off`: SIGKILL through syncs and imports, at many moments."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.support.broken_off import broken_imports, broken_syncs, broken_syncs_of_two, told

RUNS = {
    "sync": broken_syncs,
    "sync of two workers": broken_syncs_of_two,
    "import": broken_imports,
}


async def main(kills: int, seed: int, only: list[str]) -> int:
    """Run, print a line each; 1 when a promise does not hold."""

    def progress(done: int) -> None:
        print(f"{done}/{kills}", end=" ", file=sys.stderr, flush=True)

    holds = True
    for name in only:
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="broken-off-") as folder:
            found = await RUNS[name](Path(folder), kills=kills, seed=seed, progress=progress)
        print(f"{told(name, found)}, {time.perf_counter() - begun:.0f} s", flush=True)
        holds &= found.holds
    print("holds" if holds else "DOES NOT HOLD")
    return 0 if holds else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=list(RUNS), choices=tuple(RUNS))
    asked = parser.parse_args()
    sys.exit(asyncio.run(main(asked.kills, asked.seed, asked.only)))
