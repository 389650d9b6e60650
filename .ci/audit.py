"""Asks a database of known holes about what we ship; where none answers, says so and passes.

Run by `make audit` with the tools of requirements-audit.lock. Exit code 1 means: a locked package
has a known hole. pip-audit itself calls it a success when nothing could be looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SECONDS = 120.0  #: for all questions together
TOOL = (sys.executable, "-m", "pip_audit")
LOCKS = ("requirements.lock",)


def main(tool: Sequence[str] = TOOL, *, seconds: float = SECONDS) -> int:
    """Print what was found; 1 when something was."""
    for lock in LOCKS:
        document = asked([*tool, *_arguments(ROOT / lock)], seconds=seconds)
        if document is None:
            sys.stdout.write(f"{lock}: no database answered; nothing was checked." + "\n")
            continue
        checked, skipped, holes = read(document)
        if not checked:
            sys.stdout.write(
                f"{lock}: the database knows none of our packages; nothing was checked." + "\n"
            )
            continue
        sys.stdout.write(f"{lock}: {checked} packages checked, {skipped} not known there." + "\n")
        for hole in holes:
            sys.stdout.write(f"  {hole}" + "\n")
        if holes:
            return 1
    return 0


def asked(command: Sequence[str], *, seconds: float) -> Any:
    """What the tool found, as it prints it; None when it could not ask, or not in time."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
        return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def read(document: Any) -> tuple[int, int, list[str]]:
    """How many packages were checked, how many were not known, and a line for each hole."""
    packages = document.get("dependencies", []) if isinstance(document, dict) else []
    looked_up = [package for package in packages if "vulns" in package]
    holes = [
        f"{package['name']} {package['version']}: {hole['id']}"
        f" (mended in {', '.join(hole.get('fix_versions') or ['no version yet'])})"
        for package in looked_up
        for hole in package["vulns"]
    ]
    return len(looked_up), len(packages) - len(looked_up), holes


def _arguments(lock: Path) -> list[str]:
    # The lock says everything: nothing is resolved, nothing installed.
    return ["--disable-pip", "--require-hashes", "-r", str(lock), "-f", "json",
            "--timeout", "10", "--progress-spinner", "off"]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
