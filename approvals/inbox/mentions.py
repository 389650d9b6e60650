"""Finds the colleagues whom a note names: `@mina`, `@mina@example.com`, `@김민아`; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from core.accounts.roles import User

MOST = 20  #: colleagues named by one note
_NAMED = re.compile(r"(?<![\w.@-])@([\w.+-]{1,64}(?:@[\w.-]{1,190})?)")


def mentioned(text: str, colleagues: Iterable[User]) -> tuple[str, ...]:
    """E-mails of those whom the text names, in order.

    A name that two colleagues have names neither; what names nobody is only a word.
    """
    if "@" not in text:
        return ()
    known = _by_name(colleagues)
    found: dict[str, None] = {}
    for match in _NAMED.finditer(text):
        # What stands behind a name without a space (a full stop, a Korean particle) is not its.
        name = _key(match[1]).rstrip(".-")
        email = known.get(name) or known.get(_longest(name, known))
        if email:
            found[email] = None
    return tuple(found)[:MOST]


def _longest(name: str, known: Mapping[str, str]) -> str:
    """The longest name that this begins with, where another script goes on: `@mina님`."""
    fitting = [k for k in known if name.startswith(k) and not name[len(k) :].isascii()]
    return max(fitting, key=len, default="")


def _by_name(colleagues: Iterable[User]) -> Mapping[str, str]:
    """Every way to name somebody, to their e-mail; "" for what two are called."""
    known: dict[str, str] = {}
    for user in colleagues:
        for name in {user.email, user.email.partition("@")[0], "".join(user.name.split())}:
            if key := _key(name):
                known[key] = user.email if known.get(key, user.email) == user.email else ""
    return known


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
