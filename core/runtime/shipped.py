"""Paths of the files that ship with the program."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
CHANNELS = HERE / "channels"
SOURCES = HERE / "sources"
LOCALES = HERE / "config" / "locales"
PROMPTS = HERE / "config" / "prompts"
GUIDE = HERE / "docs" / "guide"
DEMONSTRATION = HERE / "config" / "demonstration"
