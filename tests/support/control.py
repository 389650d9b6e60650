"""A command as it answers at the terminal."""

from __future__ import annotations

from typing import Any

from app import App
from core.runtime.control_socket import perform


class Heard:
    """Whatever a command says, results and remarks alike."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str = "") -> None:
        self.lines.append(text)

    def note(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, done: int, total: int, label: str = "") -> None:
        del done, total, label


async def heard(live: App, command: str, **args: Any) -> str:
    """Everything that this command says, line by line."""
    out = Heard()
    await perform(live.commands()[command], args, out)
    return "\n".join(out.lines)
