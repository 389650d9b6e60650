"""Recognises small talk: greetings, thanks, goodbye, "are you a robot", insults."""

from __future__ import annotations

import enum
import re
import unicodedata

from config.languages import every
from core.nlu.chatter import chatter
from core.nlu.questions import only_announces
from core.nlu.threats import threatens, turns_to_threat
from core.text.linear_regex import LinearRegex


class SmallTalk(enum.StrEnum):
    """A kind of small talk."""

    GREETING = "greeting"  #: hello
    THANKS = "thanks"  #: thank you, that helped
    GOODBYE = "goodbye"  #: bye
    DONE = "done"  #: it works now, never mind, that was all
    DECLINED = "declined"  #: no, nothing
    NUDGE = "nudge"  #: "?"
    REACTION = "reaction"  #: laughter, emoji, "hm"
    ROBOT = "robot"  #: are you a person?
    ABILITY = "ability"  #: what can you do?
    HOW_ARE_YOU = "how_are_you"  #: how are you?
    ACKNOWLEDGED = "acknowledged"  #: ok, I see
    INSULT = "insult"  #: swearing and nothing else
    THREAT = "threat"  #: violence, self-harm, courts, blackmail: for a person, at once


_LONGEST = 160  #: a longer message says more than hello
_ROBOT = LinearRegex(*every("smalltalk", "robot"))
_ABILITY = LinearRegex(*every("smalltalk", "ability"))
_HOW = LinearRegex(*every("smalltalk", "how_are_you"))
_SWEAR = re.compile("|".join(every("smalltalk", "swear")))
_BESIDE = re.compile("|".join(every("smalltalk", "beside")))
_LEFT = re.compile(r"[a-z0-9가-힣]{2,}")


def small_talk(text: str) -> SmallTalk | None:
    """What kind of small talk this is; None for anything that may want a real answer."""
    plain = unicodedata.normalize("NFC", text[:4000]).lower().replace("’", "'")
    plain = " ".join(plain.split())
    if not plain:
        return None
    if turns_to_threat(text):
        return SmallTalk.THREAT
    known = _known(plain) if len(plain) <= _LONGEST else None
    if known is not None:
        return known
    if threatens(text):
        return SmallTalk.THREAT
    said = chatter(text)
    if said is None and len(plain) <= _LONGEST and only_announces(text):
        return SmallTalk.NUDGE
    return SmallTalk(said.value) if said is not None else None


def _known(plain: str) -> SmallTalk | None:
    if _SWEAR.search(plain) and _only_swears(plain):
        return SmallTalk.INSULT
    if _ROBOT.search(plain):
        return SmallTalk.ROBOT
    if _ABILITY.search(plain):
        return SmallTalk.ABILITY
    if _HOW.search(plain):
        return SmallTalk.HOW_ARE_YOU
    return None


def _only_swears(text: str) -> bool:
    return not _LEFT.search(_BESIDE.sub(" ", _SWEAR.sub(" ", text)))
