"""`python -m bench.switching`: how late web messages are while Telegram is switched."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.support.switching import CONVERSATIONS, switch_under_load

LATE = 200.0  #: milliseconds that switching may cost a message


async def main() -> int:
    """Run, print a line a lap; 1 when a message was lost or too late."""
    with tempfile.TemporaryDirectory(prefix="switching-") as folder:
        run = await switch_under_load(Path(folder), calm=10.0, busy=8.0)
    print(f"{CONVERSATIONS} conversations on the web; milliseconds from a message to its answer")
    print(f"{'':<16} {'messages':>9} {'p50':>8} {'p99':>8} {'most':>8}  telegram")
    for lap in run.laps:
        print(
            f"{lap.name:<16} {len(lap.waits):>9} {lap.quantile(0.5):>8.0f} "
            f"{lap.quantile(0.99):>8.0f} {lap.quantile(1.0):>8.0f}  {' '.join(lap.seen)[:60]}"
        )
    calm = max(lap.quantile(1.0) for lap in run.laps if not lap.seen[0])
    usual = min(lap.quantile(0.5) for lap in run.laps if not lap.seen[0])
    worst = max(lap.quantile(1.0) for lap in run.laps if lap.seen[0])
    late = worst - usual
    print(f"lost: {run.lost}; the latest was {late:.0f} ms later than usual")
    print(f"in the calm laps the latest was {calm - usual:.0f} ms later than usual")
    holds = not run.lost and late <= LATE
    print("holds" if holds else "DOES NOT HOLD")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
