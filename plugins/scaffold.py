"""Writes a new channel plugin that runs and passes the conformance tests as it stands."""

from __future__ import annotations

from pathlib import Path

from core.errors import BadInput
from plugins.manifest import ID

TEMPLATES = Path(__file__).parent / "skeleton"
BUILT_IN = Path(__file__).parents[1] / "channels"  #: a folder a channel, named by its id


def write_skeleton(plugin_id: str, *, into: Path) -> Path:
    """The package `into/plugin_id`, installable by pip and usable as a folder plugin.

    Raises BadInput for a bad id, a built-in channel's, or when something lies there already.
    """
    if not ID.fullmatch(plugin_id):
        raise BadInput(
            f"{plugin_id!r} is no plugin id: lower-case letters, digits and '-', "
            "3 to 32 characters."
        )
    if (BUILT_IN / plugin_id).is_dir():
        raise BadInput(f"The channel {plugin_id!r} comes with the program; choose another id.")
    folder = into / plugin_id
    if folder.exists():
        raise BadInput(f"{folder} is there already; choose another id or remove it.")
    words = plugin_id.split("-")
    names = {
        "@ID@": plugin_id,
        "@MODULE@": "channel_" + plugin_id.replace("-", "_"),
        "@CLASS@": "".join(word.capitalize() for word in words),
        "@NAME@": " ".join(word.capitalize() for word in words),
        "@ENV@": plugin_id.replace("-", "").upper() + "_",
    }
    try:
        folder.mkdir(parents=True)
        for template in sorted(TEMPLATES.iterdir()):
            text = template.read_text(encoding="utf-8")
            for mark, name in names.items():
                text = text.replace(mark, name)
            (folder / template.name.removesuffix(".in")).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{folder} cannot be written ({error.strerror}).") from error
    return folder
