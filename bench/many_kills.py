"""`python -m bench.many_kills`: workers are killed under messages of four channels at two webs."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from tests.support.many_kills import wave


async def main(messages: int, kill_every: float, at_once: int) -> int:
    """Run, print what became of them; 1 when a promise does not hold."""

    def progress(done: int) -> None:
        if done % 100 == 0:
            print(f"{done}/{messages}", end=" ", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="many-kills-") as folder:
        done = await wave(
            Path(folder),
            messages=messages,
            kill_every=kill_every,
            at_once=at_once,
            progress=progress,
        )
    print(
        f"{done.messages} messages, {done.kills} kills, {done.seconds:.0f} s:"
        f" {len(done.lost)} customers lost or out of order, {done.open} deliveries open,"
        f" {len(done.unmarked)} unmarked doubles, {len(done.unlike)} unlike a rebuild"
    )
    for odd in (*done.lost, *done.unmarked, *done.unlike):
        print(f"  {odd}")
    print(f"{'holds' if done.holds else 'DOES NOT HOLD'}, load {os.getloadavg()[0]:.1f}")
    return 0 if done.holds else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--kill-every", type=float, default=20.0, help="seconds")
    parser.add_argument("--at-once", type=int, default=16, help="customers who write")
    asked = parser.parse_args()
    sys.exit(asyncio.run(main(asked.messages, asked.kill_every, asked.at_once)))
