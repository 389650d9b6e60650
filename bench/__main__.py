"""`make bench`: ratios of medians from three A B A B pairs in one run, then the plain figures."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

import uvloop

from bench.channels import acknowledging_webhooks
from bench.doors import doors
from bench.footprint import footprint
from bench.kills import main as killing
from bench.path import accepted_per_second, acknowledging, whole_path
from bench.ratios import Row
from bench.replies import answering
from bench.switching import main as switching


async def main(only: Sequence[str], seconds: float) -> int:
    """Run what was asked for; 1 when a bound does not hold."""
    rows: list[Row] = []
    print(f"{'':<52} {'ours':>10} {'peer':>10} {'':<6} {'ratio':>6}", flush=True)
    begun = time.perf_counter()
    if "ack" in only:
        rows.append(await acknowledging(seconds))
    if "path" in only:
        rows.append(await whole_path(1, None, seconds))
        rows.append(await whole_path(16, 0.55, seconds))
        rows.append(await whole_path(64, 0.75, seconds))
    if "answer" in only:
        rows += await answering(seconds)
    if "channels" in only:
        await acknowledging_webhooks(seconds)
    held = True
    if "kills" in only:
        held &= await killing(50, 1) == 0
    if "switching" in only:
        held &= await switching() == 0
    if "doors" in only:
        held &= await doors()
    if "memory" in only:
        rows += await footprint()
    if "accept" in only:
        await accepted_per_second(seconds)
    print(f"{time.perf_counter() - begun:.0f} s in all, load {os.getloadavg()[0]:.1f}")
    return 0 if held and all(row.holds for row in rows) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=["ack", "path", "answer", "memory", "accept"])
    parser.add_argument("--seconds", type=float, default=6.0)
    asked = parser.parse_args()
    sys.exit(uvloop.run(main(asked.only, asked.seconds)))
