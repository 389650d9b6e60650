"""Signed, short-lived addresses of kept files."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import quote

from core.clock import Clock
from core.errors import ContactCenterError, NotFound
from core.web.http.base_path import BasePath

STAFF_LINK = timedelta(minutes=10)  #: of what a colleague, or the visitor's own page, opens
PREFIX = "/files/"

What = Literal["original", "preview"]


class Expired(ContactCenterError):
    """This link has expired; open the conversation again to get a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The file that a link leads to."""

    file_id: str
    what: What


class Links:
    """Makes and opens links; nothing is stored, so a link lives until its time or its key ends."""

    def __init__(
        self, *, secret_key: str, previous_key: str = "", site: Callable[[], str], clock: Clock
    ) -> None:
        keys = filter(None, (secret_key, previous_key))
        self._keys = [hmac.digest(key.encode(), b"attachment link", "sha256") for key in keys]
        self._site = site
        self._clock = clock

    def path(self, file_id: str, *, what: What = "original", life: timedelta = STAFF_LINK) -> str:
        """The address on our own host, "/files/…" below our base."""
        return self.at(self._path(file_id, what=what, life=life))

    def at(self, path: str) -> str:
        """One of our paths as browsers ask for it."""
        return BasePath(self._site()).at(path)

    def _path(self, file_id: str, *, what: What, life: timedelta) -> str:
        # By whole lives, so that a page drawn twice shows the same address for most of the time.
        seconds = max(1, int(life.total_seconds()))
        until = (int(self._clock.now().timestamp()) // seconds + 2) * seconds
        said = f"{what[0]}.{until}.{file_id}"
        return f"{PREFIX}{_signature(self._keys[0], said)}.{quote(said)}"

    def url(self, file_id: str, *, life: timedelta) -> str:
        """The whole address of the original, for who is not on our pages."""
        return self._site() + self._path(file_id, what="original", life=life)

    def opened(self, token: str) -> Opened:
        """What this link leads to. Raises NotFound for none of ours, Expired."""
        signature, _, said = token.partition(".")
        if not token.isascii() or len(token) > 400:
            raise NotFound
        if not any(hmac.compare_digest(signature, _signature(key, said)) for key in self._keys):
            raise NotFound
        letter, until, file_id = said.split(".", 2)
        if int(until) < self._clock.now().timestamp():
            raise Expired
        return Opened(file_id=file_id, what="preview" if letter == "p" else "original")


def _signature(key: bytes, said: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, said.encode(), "sha256")[:24]).decode()
