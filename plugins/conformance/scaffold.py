"""Generates a new plugin, a channel or a source, that runs and passes its conformance tests."""

from __future__ import annotations

from pathlib import Path

from core.errors import BadInput
from core.sdk.plugin import is_plugin_id

HERE = Path(__file__).parent
ROOT = Path(__file__).parents[2]
#: By the kind of a plugin: its templates, and the folder with a built-in one in each folder.
KINDS = {
    "channel": (HERE / "skeleton", ROOT / "channels"),
    "source": (HERE / "skeleton_source", ROOT / "sources"),
}


def write_skeleton(plugin_id: str, *, into: Path, kind: str = "channel") -> Path:
    """The package `into/plugin_id`, installable by pip and usable as a folder plugin.

    Raises BadInput for a bad id, a built-in one's, or when something lies there already.
    """
    templates, built_in = KINDS[kind]
    if not is_plugin_id(plugin_id):
        raise BadInput(
            f"{plugin_id!r} is no plugin id: lower-case letters, digits and '-', "
            "3 to 32 characters."
        )
    if (built_in / plugin_id).is_dir():
        raise BadInput(f"The {kind} {plugin_id!r} comes with the program; choose another id.")
    folder = into / plugin_id
    if folder.exists():
        raise BadInput(f"{folder} is there already; choose another id or remove it.")
    words = plugin_id.split("-")
    names = {
        "@ID@": plugin_id,
        "@MODULE@": f"{kind}_" + plugin_id.replace("-", "_"),
        "@CLASS@": "".join(word.capitalize() for word in words),
        "@NAME@": " ".join(word.capitalize() for word in words),
        "@ENV@": plugin_id.replace("-", "").upper() + "_",
    }
    try:
        folder.mkdir(parents=True)
        for template in sorted(templates.iterdir()):
            text = template.read_text(encoding="utf-8")
            for mark, name in names.items():
                text = text.replace(mark, name)
            (folder / template.name.removesuffix(".in")).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{folder} cannot be written ({error.strerror}).") from error
    return folder
