"""Tells the kind of a document, as a file name's suffix, by which it is read."""

from __future__ import annotations

import mimetypes
import re
from pathlib import PurePosixPath

_SUFFIX = {
    "text/html": ".html",
    "application/xhtml+xml": ".xhtml",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/x-ndjson": ".jsonl",
    "application/pdf": ".pdf",
    "application/epub+zip": ".epub",
    "message/rfc822": ".eml",
}
#: What servers say of files they do not know: then the name tells more.
_VAGUE = frozenset({"", "application/octet-stream", "binary/octet-stream", "text/plain"})
_NAME = re.compile(r"[^\w.\-]+")


def suffix_of(media_type: str, name: str) -> str:
    """The suffix, ".html"; "" where neither type nor name tells."""
    bare = media_type.partition(";")[0].strip().lower()
    named = PurePosixPath(name).suffix.lower()
    if bare in _VAGUE:
        return named or (".txt" if bare == "text/plain" else "")
    return _SUFFIX.get(bare) or mimetypes.guess_extension(bare) or named


def charset_of(media_type: str) -> str:
    """The encoding that a media type names, "" for none."""
    _, found, rest = media_type.lower().partition("charset=")
    return rest.partition(";")[0].strip(" \"'") if found else ""


def file_name(name: str, suffix: str) -> str:
    """A harmless file name that still says what the document is called."""
    stem = _NAME.sub("-", PurePosixPath(name).stem).strip("-.")[:80]
    return f"{stem or 'document'}{suffix}"
