"""The files that come with the program."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
CHANNELS = HERE / "channels"
LOCALES = HERE / "config" / "locales"
PROMPTS = HERE / "config" / "prompts"
GUIDE = HERE / "docs" / "guide"
