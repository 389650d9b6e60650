"""Cuts a long text for the inputs of a window, and makes it whole again; pure."""

from __future__ import annotations

from collections.abc import Sequence

from core.rendering.tree import utf16_length
from core.slack.mrkdwn import beginning

PIECE = 2900  #: characters of one input: room for what is typed to it
MOST_PIECES = 20


def pieces(text: str) -> tuple[list[str], str]:
    """A long text for several inputs, and the glue that makes it whole again."""
    found: list[str] = []
    glue = ""
    while utf16_length(text) > PIECE and len(found) < MOST_PIECES - 1:
        head = beginning(text, PIECE)
        at, letter = head.rfind("\n"), "n"
        if at < PIECE // 2:
            at, letter = head.rfind(" "), "s"
        if at < PIECE // 2:
            at, letter = len(head), "x"
        found.append(text[:at])
        glue += letter
        text = text[at + (letter != "x") :]
    return [*found, text], glue


def whole(parts: Sequence[str], glue: str) -> str:
    """The text that was typed into the inputs."""
    seams = {"n": "\n", "s": " ", "x": ""}
    text = ""
    for number, part in enumerate(parts):
        seam = seams.get(glue[number - 1 : number], "\n") if number else ""
        text += (seam if text and part else "") + part
    return text
