"""E-mail addresses in the form in which they are stored and compared: ASCII, lower case."""

from __future__ import annotations

import re

from core.errors import BadInput

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#: As browsers take it in a form. Letters that only look like these are in no pattern of ours:
#: аdmin@example.com with a Cyrillic а is somebody else, and ｅ and K become e and k when folded.
PATTERN = rf"^[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*$"
LONGEST = 254
_BLANKS = " \t\r\n"
_ADDRESS = re.compile(PATTERN)


def clean_email(email: str) -> str:
    """The address as it is stored. Raises BadInput for what cannot be one."""
    email = email.strip(_BLANKS)
    if len(email) > LONGEST or not _ADDRESS.fullmatch(email):
        raise BadInput("This is not an e-mail address in plain letters (a-z, 0-9).")
    return email.lower()


def key_of(email: str) -> str:
    """What a typed address is looked up by, also one that older versions took in."""
    email = email.strip(_BLANKS)
    # Folding would make other letters of some that are not ASCII.
    return email.lower() if email.isascii() else email
