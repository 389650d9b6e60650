"""The port to an engine that turns a recording into text, and the one that is known."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Any, Protocol

ENGINE = "faster_whisper"  #: its module; `pip install 'contact-center-os[speech]'`


class Transcriber(Protocol):
    """Turns recordings into text."""

    async def transcribe(self, path: Path) -> str:
        """What is said in this file, in its own language. Raises what the engine does."""
        ...


def installed(model: str) -> Transcriber | None:
    """The engine with this model; None while none is installed or none is wanted."""
    if not model or importlib.util.find_spec(ENGINE) is None:
        return None
    return WhisperTranscriber(model)


class WhisperTranscriber:
    """faster-whisper on this machine's processor; loads its model at the first recording."""

    def __init__(self, model: str) -> None:
        self._name = model
        self._model: Any = None
        self._one_at_a_time = asyncio.Lock()

    async def transcribe(self, path: Path) -> str:
        """See `Transcriber.transcribe`."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._transcribe, path)

    def _transcribe(self, path: Path) -> str:
        if self._model is None:
            engine = importlib.import_module(ENGINE)
            self._model = engine.WhisperModel(self._name, device="cpu", compute_type="int8")
        segments, _ = self._model.transcribe(str(path), vad_filter=True)
        return " ".join(segment.text.strip() for segment in segments)
