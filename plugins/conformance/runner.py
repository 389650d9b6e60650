"""Runs a plugin's conformance tests in a process of their own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import BadInput, NotFound
from plugins.registry.catalog import Found, Origin
from plugins.registry.manifest import FILE_NAME, read_manifest

ROOT = Path(__file__).parents[2]  #: where `core` lies, and `tests.contract` of our own channels
SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One test of the sheet."""

    name: str
    outcome: str  #: passed, failed, "does not apply"
    detail: str = ""

    @property
    def failed(self) -> bool:
        """Whether it counts against the plugin."""
        return self.outcome == "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRun:
    """The sheet."""

    lines: Sequence[Line]

    @property
    def passed(self) -> int:
        """How many tests hold."""
        return sum(line.outcome == "passed" for line in self.lines)

    @property
    def failed(self) -> int:
        """How many do not."""
        return sum(line.failed for line in self.lines)


def tests_of(
    plugin_id: str, *, found: Mapping[str, Found], folder: Path | None
) -> tuple[Found, str]:
    """The plugin and the module of its tests.

    Raises NotFound for an unknown plugin, BadInput for one without tests.
    """
    plugin = _skeleton(plugin_id, folder) or found.get(plugin_id)
    if plugin is None:
        raise NotFound(f"There is no plugin {plugin_id!r}, neither installed nor in this folder.")
    if plugin.manifest is None:
        raise BadInput(plugin.problem)
    if not plugin.manifest.contract:
        raise BadInput(
            f'{plugin_id} names no tests; its manifest needs contract = "package.test_contract".'
        )
    return plugin, plugin.manifest.contract


async def run_contract(
    plugin_id: str, *, found: Mapping[str, Found], folder: Path | None
) -> ContractRun:
    """The sheet of this plugin; a skeleton below `folder` is found as well as an installed one.

    Raises NotFound for an unknown plugin, BadInput for one without tests.
    """
    plugin, contract = tests_of(plugin_id, found=found, folder=folder)
    if contract.startswith("tests.") and not (ROOT / "tests").is_dir():
        raise BadInput(
            f"The tests of {plugin_id}, which comes with the program, lie in its repository only."
        )
    arguments = ["-m", "core.sdk.testing.contract.sheet", contract]
    if plugin.origin is Origin.FOLDER and plugin.folder is not None:
        arguments += ["--folder", str(plugin.folder)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate()
    except (TimeoutError, asyncio.CancelledError) as error:
        process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            raise BadInput(f"The tests of {plugin_id} did not end in {SECONDS:.0f} s.") from error
        raise
    lines = out.decode(errors="replace").splitlines()
    try:
        sheet = json.loads(lines[-1])
    except (IndexError, ValueError) as error:
        last = err.decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
        raise BadInput(f"The tests of {plugin_id} cannot be run: {last[0]}") from error
    if "error" in sheet:
        raise BadInput(str(sheet["error"]))
    return ContractRun(
        lines=[
            Line(name=item["name"], outcome=item["outcome"], detail=item["detail"])
            for item in sheet["lines"]
        ]
    )


def _skeleton(plugin_id: str, folder: Path | None) -> Found | None:
    if folder is None:
        return None
    for place in (folder / plugin_id, folder):
        if (place / FILE_NAME).is_file():
            manifest = read_manifest(place / FILE_NAME)
            if manifest.id == plugin_id:
                return Found(
                    id=plugin_id,
                    origin=Origin.FOLDER,
                    where=str(place),
                    folder=place,
                    manifest=manifest,
                )
    return None
