"""Writes what a load test has shown into a document, between two marks."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- written by bench.load_test -->", "<!-- until here -->"
STAGES = ("accept", "retrieve", "answer", "deliver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One rate: per second, milliseconds at p95, and cores used."""

    rate: float
    accepted: float
    refused: int
    late: int
    acknowledged: float
    answered: float
    stages: Mapping[str, float]  #: seconds
    cores: Mapping[str, float]
    holds: bool


def table(lines: Sequence[Line], *, verdict: str, seconds: float, load: float) -> str:
    """The table as Markdown, with where, when and beside how much else it was taken.

    `load` is the load average before the test began: more than a fraction of the cores means
    that the machine was not ours alone, and the page says so.
    """
    cores = os.cpu_count() or 1
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC at commit {_commit()}"
    found = [f"Taken on {when}: {_processor()}, {cores} cores, {seconds:g} s a step."]
    if load > cores / 4:
        found.append(
            f"**Not on a quiet machine**: its load was {load:.1f} before the test began, so these"
            " figures say what was left over, not what the program can do."
        )
    found += [
        "",
        "| messages/s | taken in/s | refused | late | ack. ms | answer ms | "
        + " | ".join(f"{stage} ms" for stage in STAGES)
        + " | program | store | machine | |",
        "| ---: " * (9 + len(STAGES)) + "| --- |",
    ]
    for line in lines:
        stages = " | ".join(f"{line.stages.get(stage, 0) * 1000:.0f}" for stage in STAGES)
        used = " | ".join(f"{line.cores[name]:.2f}" for name in ("program", "store", "machine"))
        found.append(
            f"| {line.rate:g} | {line.accepted:.1f} | {line.refused} | {line.late} |"
            f" {line.acknowledged:.0f} | {line.answered:.0f} | {stages} | {used} |"
            f" {'holds' if line.holds else 'gives way'} |"
        )
    return "\n".join([*found, "", f"{verdict[0].upper()}{verdict[1:]}."])


def write(document: Path, text: str) -> None:
    """Put it between the marks. Raises ValueError where the document has none."""
    before = document.read_text()
    marked = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not marked.search(before):
        raise ValueError(f"{document} has no {BEGIN} … {END}")
    document.write_text(marked.sub(lambda _: f"{BEGIN}\n{text}\n{END}", before))


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    named = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return named[1] if named else "an unknown processor"
