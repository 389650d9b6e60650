"""A log filter that masks personal data and secrets."""

from __future__ import annotations

import logging
import re

from core.text.pii import mask

_PERHAPS = re.compile(
    r"@|\d(?:[^\w\n]{0,2}\d){6}|bearer |(?:sk|pk|rk|xox\w|glpat)[-_]|ghp|gho|eyJ|AKIA|ASIA|AIza"
    r"|BEGIN [A-Z ]{0,40}PRIVATE|pass|pwd|pin|secret|token|key|[비암인보핀]",
    re.IGNORECASE,
)
_OWN_TOKENS = re.compile(r"\bdesk_[-_A-Za-z0-9]{16,}|(?<=/login/link/)[-_A-Za-z0-9]{16,}")
_URI_SECRET = re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+@")

LONGEST_LINE = 4000

_ONE_LINE = {n: f"\\x{n:02x}" for n in (*range(32), 127, *range(128, 160))} | {
    ord("\t"): "\t", ord("\n"): "\\n", ord("\r"): "\\r",
    0x2028: "\\u2028", 0x2029: "\\u2029",
}  # fmt: skip


class MaskedLog(logging.Filter):
    """Masks a record's sentence and its traceback; set it on every handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record passes, masked."""
        try:
            said = record.getMessage()
        except (TypeError, ValueError):
            return True  # the handler itself reports a message that cannot be formatted
        # One record is one line: nobody writes a line of ours by their name.
        record.msg, record.args = masked(said).translate(_ONE_LINE), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = masked(record.exc_text)
        if record.stack_info:
            record.stack_info = masked(record.stack_info)
        return True


def masked(text: str) -> str:
    """The text as a log may have it; most lines hold nothing and cost one search.

    A longer line is cut: what a stranger wrote is logged on the event loop.
    """
    text = "\n".join(
        line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}… ({len(line):,} characters)"
        for line in text.split("\n")
    )
    text = _OWN_TOKENS.sub("[SECRET]", text)
    if not _PERHAPS.search(text):
        return text
    text = _URI_SECRET.sub(r"\1:[SECRET]@", text)
    return mask(text, locale="en").text
