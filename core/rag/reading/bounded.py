"""Reads files in a sandboxed child process, so that a hostile file cannot harm this one."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from types import TracebackType

from core.rag.domain.errors import UnreadableDocument
from core.rag.domain.reading_outcome import Reading
from core.rag.reading.wire import from_json
from core.runtime.tasks import end

SECONDS = 300.0  #: for one file, by the clock
MEMORY = 1_000_000_000  #: bytes, after which another process reads the next file
MOST_ANSWER = 400_000_000  #: bytes


class BoundedReader:
    """Reads one file after the other in one process, which is started anew when a file kills it.

    An asynchronous context; the process is gone when it is left.
    """

    def __init__(self, *, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self._seconds = seconds
        self._memory = memory
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> BoundedReader:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def read(
        self,
        path: Path,
        *,
        topic: str = "",
        lang: str = "",
        address: str = "",
        charset: str = "",
    ) -> Reading:
        """See `core.rag.reading.readers.read`; raises UnreadableDocument as well for a file that
        takes more time or memory than it may.
        """
        process = await self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        request = json.dumps(
            {
                "path": str(path),
                "topic": topic,
                "lang": lang,
                "address": address,
                "charset": charset,
            }
        )
        answering = asyncio.ensure_future(process.stdout.readline())
        try:
            process.stdin.write(request.encode() + b"\n")
            await process.stdin.drain()
            done, _ = await asyncio.wait([answering], timeout=self._seconds)
        except (ConnectionError, OSError):
            done = set()
        except BaseException:
            await end(answering)
            await self._stop()
            raise
        if not done:
            await end(answering)
            await self._stop()
            raise UnreadableDocument(str(path), "reading it takes longer than a file may")
        try:
            told = json.loads(answering.result())
        except ValueError as error:
            # It was ended by its own limits, or the file broke the library that reads it.
            await self._stop()
            why = "reading it takes more time or memory than a file may"
            raise UnreadableDocument(str(path), why) from error
        if told["memory"] > self._memory:
            await self._stop()  # what one file has taken is not there for the next one
        if "why" in told:
            raise UnreadableDocument(told["source"], told["why"])
        return from_json(told["reading"])

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            root = str(Path(__file__).parents[3])
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-c",
                f"import sys; sys.path.insert(0, {root!r}); "
                "from core.rag.reading.child import serve; serve()",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, limit=MOST_ANSWER,
                env={"PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/local/bin:/usr/bin:/bin"},
            )  # fmt: skip
        return self._process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.kill()
        await process.wait()
