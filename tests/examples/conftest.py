"""The example plugins, importable under the names by which they are installed."""

from __future__ import annotations

from pathlib import Path

from core.sdk.plugin_folder import offer_folder

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"

for name in ("email", "kakaotalk"):
    offer_folder(EXAMPLES / name, f"channel_{name}")
