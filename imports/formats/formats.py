"""The formats by name, and which one a file is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from core.errors import BadInput
from imports.formats import chatwoot, intercom, tables, zendesk
from imports.formats.conversations import BadRow, Item
from imports.formats.json_stream import items

Read = Callable[[Path], Iterator[Item]]

LOOKED_AT = 20  #: items by which a format is told


def _chatwoot(path: Path) -> Iterator[Item]:
    return tables.read_csv(path) if _is_table(path) else chatwoot.read(path)


FORMATS: Mapping[str, Read] = {
    "zendesk": zendesk.read,
    "intercom": intercom.read,
    "chatwoot": _chatwoot,
    "csv": tables.read_csv,
    "jsonl": tables.read_lines,
}
_OURS = {"zendesk": zendesk.is_ours, "intercom": intercom.is_ours, "chatwoot": chatwoot.is_ours}
_LISTS = tuple(dict.fromkeys((*zendesk.LISTS, *intercom.LISTS, *chatwoot.LISTS, *tables.LISTS)))


def recognized(path: Path) -> str:
    """The format of this file, by what stands in it. Raises BadInput."""
    if _is_table(path):
        return "csv"
    for number, item in enumerate(items(path, lists=_LISTS)):
        if number >= LOOKED_AT:
            break
        if isinstance(item, BadRow):
            continue
        whole = item.get("ticket") if isinstance(item.get("ticket"), dict) else item
        for name, is_ours in _OURS.items():
            if is_ours(whole or item):
                return name
        return "jsonl"
    raise BadInput(f"{path.name}: no conversations that we know how to read stand in it.")


def _is_table(path: Path) -> bool:
    if path.suffix.lower() in (".csv", ".tsv", ".tab"):
        return True
    with path.open("rb") as file:
        return not file.read(2_000).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))
