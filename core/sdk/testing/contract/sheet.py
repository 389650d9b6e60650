"""Runs a contract without pytest and prints its results as one line of JSON.

python -m core.sdk.testing.contract.sheet MODULE [--folder FOLDER]
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import unittest
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

from core.sdk.plugin_folder import offer_folder
from core.sdk.testing.contract import ChannelContract, tests_of
from core.sdk.testing.source_bench import tests_in
from core.sdk.testing.source_contract import SourceContract


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLine:
    """One test."""

    name: str
    outcome: str  #: passed, failed, "does not apply"
    detail: str = ""


Contract = type[ChannelContract] | type[SourceContract]


def run_sheet(contract: Contract) -> Sequence[SheetLine]:
    """Every test of the contract, and the author's own in the same class."""
    lines = []
    for name in _names(contract):
        try:
            getattr(contract(), name)()
        except unittest.SkipTest as skip:
            lines.append(SheetLine(name=name, outcome="does not apply", detail=str(skip)))
        except Exception as error:
            lines.append(SheetLine(name=name, outcome="failed", detail=explain(error)))
        else:
            lines.append(SheetLine(name=name, outcome="passed"))
    base = SourceContract if issubclass(contract, SourceContract) else ChannelContract
    missing = set(_names(base)) - {line.name for line in lines}
    lines += [
        SheetLine(name=name, outcome="failed", detail="the test has been removed")
        for name in sorted(missing)
    ]
    return lines


def _names(contract: Contract) -> Sequence[str]:
    if issubclass(contract, SourceContract):
        return tests_in(contract)
    return tests_of(contract)


def explain(error: BaseException) -> str:
    """One line for a person: what, and where in the author's code."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    said = " ".join(str(error).split())[:500]
    if isinstance(error, AssertionError) and said:
        return said
    where = ""
    trace = error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if "core/sdk/testing" not in file.as_posix() and "asyncio" not in file.parts:
            where = f" ({file.name}:{trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {said}{where}"


def contracts_in(module: ModuleType) -> Sequence[Contract]:
    """The contract classes a module defines."""
    return [
        member
        for member in vars(module).values()
        if isinstance(member, type)
        and issubclass(member, ChannelContract | SourceContract)
        and member not in (ChannelContract, SourceContract)
        and member.__module__ == module.__name__
    ]


def main(arguments: Sequence[str]) -> int:
    """The command; the last line of stdout is the sheet."""
    module_name = arguments[0]
    sys.path.insert(0, str(Path.cwd()))
    out = sys.stdout
    # What a plugin prints must not get in between.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            if "--folder" in arguments:
                folder = Path(arguments[arguments.index("--folder") + 1])
                offer_folder(folder, module_name.split(".")[0])
            found = contracts_in(importlib.import_module(module_name))
        except Exception as error:
            print(json.dumps({"error": explain(error)}), file=out)
            return 2
        if not found:
            detail = f"{module_name} has no subclass of ChannelContract or SourceContract."
            print(json.dumps({"error": detail}), file=out)
            return 2
        lines = [line for contract in found for line in run_sheet(contract)]
    print(json.dumps({"lines": [asdict(line) for line in lines]}), file=out)
    out.flush()
    return int(any(line.outcome == "failed" for line in lines))


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # A thread that a channel left behind must not keep us.
    os._exit(code)
