"""The company's own settings as values, and what may stand in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from core.errors import BadInput
from core.text.sanitize import sanitize

LONGEST_NAME = 60
LONGEST_GREETING = 120
LONGEST_QUESTION = 120
MOST_QUESTIONS = 4
LONGEST_LAUNCHER = 30
POSITIONS = ("", "left", "right")
THEMES = ("", "light", "dark")
ASKING = ("", "optional", "required")
LEAST_CONTRAST = 4.5  #: of white words on the colour, as WCAG 2.2 asks (1.4.3)
_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """The company's settings; None or empty is as the environment, or else the product, has it."""

    name: str = ""
    colour: str = ""  #: "#2456c6"
    greeting: Mapping[str, str] = field(default_factory=dict)  #: by language
    questions: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: by language
    launcher: Mapping[str, str] = field(default_factory=dict)  #: words on the button, by language
    position: str = ""  #: the widget's corner: "left" or "right"
    theme: str = ""  #: "light" or "dark"; "" as the visitor's device has it
    ask_name: str = ""  #: before a conversation: "optional" or "required"; "" asks for none
    ask_email: str = ""  #: likewise
    hours: str | None = None  #: as DESK_HOURS, or "always"
    holidays: str | None = None  #: as DESK_HOLIDAYS, or "none"
    timezone: str | None = None
    deadline_minutes: float | None = None  #: by when a draft should be decided
    # What is not set by the form, and stays when it is saved:
    logo: str = ""  #: digest of the picture; "" for none
    demonstration: bool = False  #: the demonstration shop is here


FORM = frozenset(f.name for f in fields(Company)) - {"logo", "demonstration"}
"""What the form of the settings sets."""


def checked(c: Company) -> Company:
    """The same in one spelling. Raises BadInput that says what is wrong."""
    name = _line(c.name)
    if len(name) > LONGEST_NAME:
        raise BadInput(f"A name has at most {LONGEST_NAME} characters.")
    colour = c.colour.strip().lower()
    if colour:
        _check_colour(colour)
    greeting = {code: _line(text) for code, text in c.greeting.items()}
    if any(len(text) > LONGEST_GREETING for text in greeting.values()):
        raise BadInput(f"A greeting has at most {LONGEST_GREETING} characters.")
    questions = {code: _questions(lines) for code, lines in c.questions.items()}
    launcher = {code: " ".join(text.split()) for code, text in c.launcher.items()}
    if any(len(text) > LONGEST_LAUNCHER for text in launcher.values()):
        raise BadInput(f"The words on the button have at most {LONGEST_LAUNCHER} characters.")
    if c.position not in POSITIONS:
        raise BadInput("The chat stands left or right.")
    if c.theme not in THEMES:
        raise BadInput("The chat is light, dark, or as the visitor's device has it.")
    if c.ask_name not in ASKING or c.ask_email not in ASKING:
        raise BadInput("A name or an address is asked for as optional, as required, or not at all.")
    if c.deadline_minutes is not None and not 1 <= c.deadline_minutes <= 7 * 24 * 60:
        raise BadInput("A deadline is from one minute to seven days.")
    return Company(
        name=name,
        colour=colour,
        greeting={code: text for code, text in greeting.items() if text},
        questions={code: lines for code, lines in questions.items() if lines},
        launcher={code: text for code, text in launcher.items() if text},
        position=c.position,
        theme=c.theme,
        ask_name=c.ask_name,
        ask_email=c.ask_email,
        hours=c.hours,
        holidays=c.holidays,
        timezone=c.timezone,
        deadline_minutes=c.deadline_minutes,
    )


def _line(text: str) -> str:
    return " ".join(sanitize(text).split())


def _questions(lines: Sequence[str]) -> Sequence[str]:
    questions = [line for line in map(_line, lines) if line]
    if len(questions) > MOST_QUESTIONS or any(len(q) > LONGEST_QUESTION for q in questions):
        raise BadInput(
            f"At most {MOST_QUESTIONS} questions of {LONGEST_QUESTION} characters, one a line."
        )
    return questions


def is_legible(colour: str) -> bool:
    """Whether this is a colour, "#2456c6", on which white words can be read."""
    return bool(_COLOUR.fullmatch(colour)) and _contrast(colour) >= LEAST_CONTRAST


def _contrast(colour: str) -> float:
    return 1.05 / (luminance(colour) + 0.05)


def _check_colour(colour: str) -> None:
    if not _COLOUR.fullmatch(colour):
        raise BadInput("A colour is written as #2456c6.")
    contrast = _contrast(colour)
    if contrast < LEAST_CONTRAST:
        raise BadInput(
            f"White words cannot be read well on {colour}: the contrast is {contrast:.1f} to 1, and"
            f" {LEAST_CONTRAST} is needed. Choose a darker colour."
        )


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2, from 0 (black) to 1 (white)."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
