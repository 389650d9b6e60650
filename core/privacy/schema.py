"""The vocabulary that describes stored data: whose it is, and which fields are free text.

What is stored stands in `stored`; a part that stores something new says so there. A test fails for
a collection, a field or a file that is not known, and for customers' words where no erasure comes.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class Field(enum.Enum):
    """The kind of data in a field."""

    ID = "id"  #: ids, addresses, keys, digests: what something is found by
    WORD = "word"  #: one of a few words of ours: states, kinds, channels, languages, topics
    FIGURE = "figure"  #: numbers, times, flags
    STAFF = "staff"  #: what staff are called, or typed about their own affairs
    TEXT = "text"  #: free text that is, or may quote, what a customer wrote or is called
    OURS = "ours"  #: free text of the company's or the program's own
    PACKED = "packed"  #: bytes that only their own part reads


class Fate(enum.Enum):
    """The fate of a collection's documents when a person is forgotten."""

    CUT = "cut"  #: their events go, one mark stays (the log, and what is folded from it)
    DELETED = "deleted"  #: their documents go
    REDRAWN = "redrawn"  #: made again without them, by the registered part of this name
    FIGURES = "figures"  #: stays: it counts, and holds no word of anybody
    NOBODYS = "nobodys"  #: nothing of a customer's stands there


Shape = Mapping[str, Any]
"""Names of fields to a Field, a Shape, Kinds, or a list of one of these; ANY is every name."""

ANY = "*"


@dataclass(frozen=True, slots=True)
class Kinds:
    """One shape for each value of a discriminator field."""

    shapes: Mapping[str, Shape]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The description of one collection."""

    name: str
    fate: Fate
    fields: Shape
    part: str = ""  #: name of the part that redraws it (`core.engine.ports.PersonalData.name`)
    transient: bool = False  #: means something to running processes only: no backup holds it
    owner: str = ""  #: the field that holds the conversation's id; "" where `_id` begins with it
    """An `_id` that ends in a dot and a number, perhaps behind a "t", says of which event it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """The description of files below the data directory, by a pattern."""

    pattern: str
    what: str
    fate: Fate


def unknown(document: Any, shape: Any, *, at: str = "") -> Iterator[str]:
    """The paths in a stored document, or a part of one, that the shape does not know."""
    if isinstance(shape, list):
        items = document if isinstance(document, (list, tuple)) else [document]
        for item in items:
            yield from unknown(item, shape[0], at=f"{at}[]")
    elif isinstance(shape, Kinds):
        kind = document.get("kind")
        if kind in shape.shapes:
            own = {"kind": Field.WORD, **shape.shapes[kind]}
            yield from unknown(document, own, at=f"{at}.{kind}")
        else:
            yield f"{at}.{kind}"
    elif isinstance(shape, Mapping):
        if document is None:
            return
        if not isinstance(document, Mapping):
            yield f"{at} is no document"
            return
        for name, value in document.items():
            inner = shape.get(name, shape.get(ANY))
            if inner is None:
                yield f"{at}.{name}".lstrip(".")
            else:
                yield from unknown(value, inner, at=f"{at}.{name}".lstrip("."))
    elif isinstance(document, Mapping) and shape is not Field.OURS:
        yield f"{at} holds fields of its own"


def texts_of(shape: Any, *, at: str = "") -> Iterator[str]:
    """The paths of free text that may be a customer's."""
    if isinstance(shape, Kinds):
        for kind, inner in shape.shapes.items():
            yield from texts_of(inner, at=f"{at}.{kind}")
    elif isinstance(shape, list):
        yield from texts_of(shape[0], at=f"{at}[]")
    elif isinstance(shape, Mapping):
        for name, inner in shape.items():
            yield from texts_of(inner, at=f"{at}.{name}".lstrip("."))
    elif shape is Field.TEXT:
        yield at
