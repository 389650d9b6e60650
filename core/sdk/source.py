"""The port of a source: it yields the documents that there are now, and knows nothing else of us.

A source's folder holds `manifest.toml` (with `kind = "source"`) and a module with

    plugin = SourcePlugin(settings=HelpCentreSettings, create=HelpCentre)

where `HelpCentre(settings, context)` keeps `Source`. What has changed since the last time, what of
it goes in by itself and what waits for a person, the host decides.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from pydantic import BaseModel

from core.clock import Clock
from core.errors import ContactCenterError

S = TypeVar("S", bound=BaseModel)

LONGEST_ADDRESS = 1500  #: characters
LARGEST_DOCUMENT = 50_000_000  #: bytes
LARGEST_MEMO = 100_000  #: characters


class SourceUnavailable(ContactCenterError):
    """The source cannot be read just now; nothing follows from what it did not give."""


class SourceRefused(SourceUnavailable):
    """The source refuses the credentials."""


class SourceIncomplete(ContactCenterError):
    """Not everything was read: what came counts, and what did not come is not gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document as it is now."""

    address: str  #: the same at every sync: "https://acme.example/returns", "faq/returns.md"
    content: bytes
    media_type: str = ""  #: as of HTTP, "text/html; charset=euc-kr"; "" where only a name tells
    name: str = ""  #: a file name, whose suffix tells the kind where `media_type` does not
    url: str = ""  #: where customers read it, http(s) only; "" where they cannot
    language: str = ""  #: "en", "ko", …; "" where the source does not know
    etag: str = ""
    modified: str = ""  #: as the source writes it
    memo: str = ""  #: whatever the source wants to be told again at the next sync


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """A document that is still there and says what it said when it was read last."""

    address: str
    memo: str | None = None  #: in place of the earlier one; None leaves that


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A document that is there, or may be, and could not be read this time: it is not gone."""

    address: str
    why: str


Item: TypeAlias = Document | Unchanged | Unread


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A document as the source gave it last."""

    etag: str = ""
    modified: str = ""
    memo: str = ""
    digest: str = ""  #: SHA-256 of the content, hexadecimal
    read_at: datetime | None = None  #: when its content was read


class Source(Protocol):
    """One connection to one system; made anew for each sync, and used once."""

    def documents(self, known: Mapping[str, Known]) -> AsyncIterator[Item]:
        """Everything that there is now, each document once.

        `known` are the documents of the last time by address. Of one that is the same as then,
        give Unchanged, or its content again. What is not given at all is gone: a document that
        cannot be read is given as Unread, and a source that cannot say what there is raises.

        Raises SourceUnavailable, SourceRefused, SourceIncomplete.
        """
        ...


@runtime_checkable
class ChecksSource(Protocol):
    """A source that can say whether its settings work without reading everything."""

    async def check(self) -> str:
        """A sentence for the admin. Raises SourceUnavailable, SourceRefused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContext:
    """The host's services for a source, for one sync."""

    source_id: str
    clock: Clock
    logger: logging.Logger
    data_dir: Path  #: a folder of its own, kept between syncs; it may be lost, and then is empty
    user_agent: str = "ContactCenterOS"
    may_connect: Callable[[str], bool] = field(default=lambda _ip: True)
    """Whether it may connect to an IP address: not into private networks unless the operator has
    allowed it. The host sees to it for connections of the source's own event loop; a program that
    a source starts has to ask."""
    may_read: Callable[[Path], bool] = field(default=lambda _path: True)
    """Whether it may read this file or folder of the machine: one that the operator has named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlugin(Generic[S]):
    """The object that a manifest's `entry` names.

    `settings` is drawn as the admin's form; its `SecretStr` fields are kept sealed and are never
    shown again. `create` does no work beyond keeping its arguments.
    """

    settings: type[S]
    create: Callable[[S, SourceContext], Source]
