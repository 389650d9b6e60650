"""Opens files of strangers: each in a process of its own, bounded in time and memory."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from core.attachments.reading import child
from core.attachments.reading.media_types import DOCX
from core.attachments.reading.speech import Transcriber
from core.runtime.tasks import end
from core.text.sanitize import sanitize

log = logging.getLogger(__name__)

SECONDS = 15.0  #: for one file; the process ends itself after ten of the processor's
AT_ONCE = 2

PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
DOCUMENTS = frozenset({"application/pdf", DOCX, "text/plain", "application/zip"})
ACTIVE = frozenset({"text/html", "image/svg+xml", "text/xml"})  #: may run in a browser


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The text of a file, or the reason why there is none."""

    text: str = ""
    problem: str = ""  #: bomb, locked, broken, slow, active; "" for none
    spoken: bool = False


class Reader:
    """Makes previews and reads documents; recordings where a `transcriber` is installed."""

    def __init__(self, *, transcriber: Transcriber | None = None) -> None:
        self._transcriber = transcriber
        self._places = asyncio.Semaphore(AT_ONCE)

    async def preview(self, source: Path, target: Path) -> bool:
        """Write a small picture of this one; whether there is one now."""
        found = await self._run("preview", source, target, "")
        return not found.problem

    async def read(self, source: Path, media_type: str) -> Reading:
        """What stands in it, as far as this type is read; never raises for what is in it."""
        if media_type in ACTIVE:
            return Reading(problem="active")
        if media_type in DOCUMENTS:
            return await self._run("text", source, source, media_type)
        if self._transcriber is not None and media_type.startswith("audio/"):
            return await self._heard(self._transcriber, source)
        return Reading()

    async def _heard(self, transcriber: Transcriber, source: Path) -> Reading:
        try:
            text = await transcriber.transcribe(source)
        except Exception:
            # The person who listens to it instead misses nothing.
            log.exception("a recording could not be transcribed")
            return Reading(problem="unheard")
        return Reading(text=sanitize(text).strip()[: child.TEXT_SIGNS], spoken=True)

    async def _run(self, what: str, source: Path, target: Path, media_type: str) -> Reading:
        command = (sys.executable, "-I", child.__file__, what, str(source), str(target), media_type)
        async with self._places:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
            )
            reading = asyncio.create_task(process.communicate())
            try:
                done, _ = await asyncio.wait([reading], timeout=SECONDS)
            finally:
                if not reading.done() and process.returncode is None:
                    process.kill()
                    await end(reading)
        if not done:
            return Reading(problem="slow")
        return _said(reading.result()[0], process.returncode)


def _said(line: bytes, code: int | None) -> Reading:
    try:
        found = json.loads(line)
        text, problem = str(found["text"]), str(found.get("problem", ""))
    except (ValueError, KeyError, TypeError):
        # Killed by its own limits: it wanted more than a file of this kind needs.
        return Reading(problem="bomb" if code else "broken")
    return Reading(text=sanitize(text).strip(), problem=problem)
