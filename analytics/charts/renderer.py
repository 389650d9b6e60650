"""Renders charts in a worker process, and caches the browser's JavaScript."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import importlib.metadata
import logging
import sys
from pathlib import Path
from typing import Any

import orjson

from config.languages import STAFF
from core.errors import ContactCenterError
from core.i18n import Words

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
PATIENCE = 90.0  #: seconds that drawing may take
WORDS = "analytics"


class NotDrawn(ContactCenterError):
    """The pictures could not be drawn."""


class ChartRenderer:
    """Renders charts as pictures, and builds once the JavaScript by which browsers draw them."""

    def __init__(self, folder: Path, words: Words) -> None:
        self._folder = folder
        self._words = words
        self._lock = asyncio.Lock()
        self._kit: dict[str, bytes] = {}
        self.version = self._version()

    async def file(self, name: str) -> bytes | None:
        """A file of the kit: "vega.js" or "LANGUAGE.json"; None for others."""
        async with self._lock:
            if not self._kit:
                self._kit = await self._made()
        return self._kit.get(name)

    async def pictures(
        self, charts: list[dict[str, Any]], *, locale: str, theme: str = "light"
    ) -> list[bytes]:
        """A PNG of each chart {name, rows}. Raises NotDrawn."""
        drawn = await self._draw(
            {
                "job": "pictures",
                "charts": charts,
                "words": self._words.section(WORDS, locale),
                "theme": theme,
            }
        )
        return [base64.b64decode(png) for png in drawn]

    async def sheet(
        self,
        charts: list[dict[str, Any]],
        *,
        title: str,
        locale: str,
        note: str = "",
        theme: str = "light",
    ) -> bytes:
        """One PNG with all of them, or with the note where there is none. Raises NotDrawn."""
        drawn = await self._draw(
            {
                "job": "sheet",
                "charts": charts,
                "words": self._words.section(WORDS, locale),
                "theme": theme,
                "title": title,
                "note": note,
            }
        )
        return base64.b64decode(drawn)

    async def _made(self) -> dict[str, bytes]:
        place = self._folder / f"{self.version}.json"
        kept = await asyncio.to_thread(_read, place)
        if kept is None:
            words = {locale: self._words.section(WORDS, locale) for locale in STAFF}
            kept = await self._draw({"job": "kit", "words": words})
            await asyncio.to_thread(_write, place, kept)
        return {
            "vega.js": kept["script"].encode(),
            **{f"{locale}.json": orjson.dumps(s) for locale, s in kept["specs"].items()},
        }

    async def _draw(self, job: dict[str, Any]) -> Any:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "analytics.charts.worker",
            cwd=HERE.parents[1],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                out, errors = await process.communicate(orjson.dumps(job))
        except TimeoutError:
            raise NotDrawn("Drawing took too long.") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            log.error("drawing failed: %s", errors.decode(errors="replace")[-2000:])
            raise NotDrawn("The charts could not be drawn; the log says why.")
        return orjson.loads(out)

    def _version(self) -> str:
        seen = hashlib.blake2b(digest_size=8)
        for file in ("specs.py", "worker.py"):
            seen.update((HERE / file).read_bytes())
        for locale in STAFF:
            seen.update(orjson.dumps(self._words.section(WORDS, locale)))
        for package in ("altair", "vl-convert-python"):
            seen.update(importlib.metadata.version(package).encode())
        return seen.hexdigest()


def _read(place: Path) -> Any:
    try:
        return orjson.loads(place.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None


def _write(place: Path, kit: Any) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    for old in place.parent.glob("*.json"):
        old.unlink(missing_ok=True)
    new = place.with_suffix(".new")
    new.write_bytes(orjson.dumps(kit))
    new.replace(place)
