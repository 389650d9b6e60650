"""Opens archives and the XML in them, within bounds."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from lxml import etree

MOST_ENTRIES = 5_000
MOST_UNPACKED = 200_000_000  #: bytes of all entries
MOST_ENTRY = 80_000_000


class Archive:
    """A ZIP file whose entries are read into memory, none larger than allowed."""

    def __init__(self, raw: bytes) -> None:
        """Raises ValueError for what is no archive, is locked, or unpacks to too much."""
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(raw))
        except (zipfile.BadZipFile, NotImplementedError) as error:
            locked = raw.startswith(b"\xd0\xcf\x11\xe0")
            why = "it is locked with a password, or of an old format" if locked else "it is damaged"
            raise ValueError(f"{why}, so it cannot be opened") from error
        entries = self._zip.infolist()
        told = sum(entry.file_size for entry in entries)
        if len(entries) > MOST_ENTRIES or told > MOST_UNPACKED:
            raise ValueError("it unpacks to more than is read of a file")
        if any(entry.flag_bits & 1 for entry in entries):
            raise ValueError("it is locked with a password")

    @property
    def names(self) -> list[str]:
        """The names of its entries."""
        return self._zip.namelist()

    def read(self, name: str) -> bytes:
        """An entry's bytes. Raises ValueError where there is none, or it says less than it is."""
        try:
            with self._zip.open(name) as file:
                found = file.read(MOST_ENTRY + 1)
        except KeyError as error:
            raise ValueError(f"{name} is missing in it") from error
        if len(found) > MOST_ENTRY:
            raise ValueError("it unpacks to more than is read of a file")
        return found

    def xml(self, name: str) -> Any:
        """An entry as an XML tree; nothing outside of it is fetched, no entity of its own made."""
        return xml_of(self.read(name))

    def replaced(self, name: str, content: bytes) -> io.BytesIO:
        """The archive again, with another content in one entry."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as target:
            for entry in self.names:
                target.writestr(entry, content if entry == name else self.read(entry))
        made.seek(0)
        return made


def xml_of(raw: bytes) -> Any:
    """An XML tree. Raises ValueError for what is none, or declares entities."""
    if b"<!ENTITY" in raw[:20_000]:
        raise ValueError("it declares entities of its own")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )
    try:
        return etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"its XML is damaged: {error}") from error


def local(element: Any) -> str:
    """An element's name without its namespace; "" for a comment."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Any, name: str) -> str:
    """An attribute by its name without its namespace, "" where it has none."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return ""
