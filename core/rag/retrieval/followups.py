"""Resolves follow-up questions: their subject from the conversation before; pure.

A question has a subject of its own ("can I pay by card?"), or stands on what was said: by a word
that points back ("is it free?"), by naming a thing only ("and on Sundays?"), or by naming nothing
("how much?").
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from config.languages import every, patterns
from core.domain.drafts import Turn
from core.domain.messages import Author
from core.nlu import questions_en as en
from core.nlu import questions_ko as ko
from core.nlu.questions import Kind, grammar_of, is_korean, pieces
from core.nlu.smalltalk import small_talk
from core.rag.domain.model import Hit
from core.rag.semantics.answer_types import Wanted, says, wanted
from core.rag.semantics.facets import other_value
from core.rag.semantics.thesaurus import put_as
from core.rag.vectors.lexical import stem, token_set

LONGEST = 14  #: words of a question that may stand on another one
SUBJECT_CHARS = 300

_EN, _KO = patterns("followups")["en"], patterns("followups")["ko"]
_GENERIC = frozenset(every("followups", "generic"))


class Stance(enum.StrEnum):
    """The relation of a question to what was said before."""

    OWN = "own"  #: it names its subject
    REFERS = "refers"  #: it names something, and points back: "is it waterproof?"
    THING = "thing"  #: it names a thing, and asks of it what was asked before: "and a kayak?"
    BARE = "bare"  #: it names nothing: "how much?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A conversation's subject: its last question with one, and what followed."""

    question: str
    sources: tuple[str, ...] = ()  #: ids of the passages that answered last, none where nothing did
    things: tuple[str, ...] = ()  #: what later questions on it named: "and a kayak?"

    @property
    def text(self) -> str:
        """To search for, with what was named since."""
        return " ".join((self.question, *self.things))


def stance(question: str) -> Stance:
    """How this question stands to what was said before it."""
    words = grammar_of(question)
    bare = question if words is ko else _without_what_about(question)
    named = words.content(bare)
    length = len(words.words(question))
    if not named:
        return Stance.OWN if length > LONGEST or _of_the_company(question) else Stance.BARE
    if length > LONGEST:
        return Stance.OWN
    if words.refers(question):
        return Stance.REFERS
    if bare != question or words.fragment(question):
        return Stance.THING
    return Stance.OWN


def _of_the_company(question: str) -> bool:
    """Whether the question is about us: "what do you charge?"."""
    found = en.words(question)
    return not is_korean(question) and any(word in ("you", "your", "u") for word in found)


def _without_what_about(question: str) -> str:
    """The thing of "what about a kayak?", the question as it is otherwise."""
    found = en.bare(question)
    if found[:1] in (["what"], ["how"]) and found[1:2] in (["about"], ["of"]):
        return " ".join(found[2:])
    return question


def subject_of(history: Sequence[Turn]) -> Subject | None:
    """What the conversation is about now; None where it is about nothing any more.

    Thanks and greetings are no subject, nor what was said to a person, nor what stands before
    that. What was closed is no part of the history.
    """
    things: list[str] = []
    sources: tuple[str, ...] = ()
    answered = False
    for question, answer in reversed(_exchanges(history)):
        if any(turn.with_person for turn in (*question, *answer)):
            return None
        text = _asked("\n".join(turn.text for turn in question))
        if not text:
            continue
        if not answered:
            # What came last is what was just given; nothing, where it still waits.
            sources = tuple(s for turn in answer if turn.author == Author.AI for s in turn.sources)
            answered = True
        if stance(text) is Stance.OWN:
            question_text = " ".join(text.split())[:SUBJECT_CHARS]
            return Subject(question=question_text, sources=sources, things=tuple(things[::-1]))
        if stance(text) is not Stance.BARE:
            things.append(" ".join(_content(text)))
    return None


_Exchange = tuple[Sequence[Turn], Sequence[Turn]]


def _exchanges(history: Sequence[Turn]) -> list[_Exchange]:
    """What the customer said with what answered it, in the order in which that was settled.

    An answer names its messages. Where it does not, it is to all that was said before it.
    """
    open_: list[tuple[int, Turn]] = []
    found: list[tuple[int, _Exchange]] = []
    for place, turn in enumerate(history):
        if turn.author == Author.CUSTOMER:
            open_.append((place, turn))
            continue
        if turn.answers:
            meant = [(at, t) for at, t in open_ if t.seq in turn.answers]
        else:
            meant = [(at, t) for at, t in open_ if t.with_person == turn.with_person]
        found.append((place, ([t for _, t in meant], (turn,))))
        open_ = [one for one in open_ if one not in meant]
    found += [(at, ((turn,), ())) for at, turn in open_]
    return [exchange for _, exchange in sorted(found, key=lambda one: one[0])]


@functools.lru_cache(maxsize=256)
def _asked(text: str) -> str:
    """The part of a message that asks, "" for thanks, a yes, laughter.

    Each draft asks several times what its conversation is about, and the next draft again.
    """
    if small_talk(text) is not None or not text.strip():
        return ""
    said = [p for p in pieces(text) if small_talk(p.text) is None]
    if all(p.kind is Kind.REMARK for p in said) and len(_content(text)) < 2:
        return ""  # laughter, a yes, "the blue one"
    found = [p.text for p in said]
    own = [text for text in found if stance(text) is Stance.OWN and _content(text)]
    return own[-1] if own else " ".join(found) if any(map(_content, found)) else ""


def forget_subjects() -> None:
    """Remember no text that was looked at."""
    _asked.cache_clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A question that depends on another one, to be compared with sources."""

    question: str
    stance: Stance
    subject: Subject

    @property
    def is_short(self) -> bool:
        """Whether it may stand on another question at all."""
        return len(self.question.split()) <= LONGEST

    def fits_given(self, hit: Hit) -> bool:
        """Whether the source that was just given plainly answers this as well."""
        return self._is_said(hit)

    def fits(self, hit: Hit, given: Hit | None = None) -> bool:
        """Whether another source is about what is asked of the subject, and of nothing else.

        What the source that was given says of the subject may name it as well.
        """
        if not self._is_said(hit):
            return False
        asked = {*_content(self.question), *_content(self.subject.text)}
        foreign = [word for word in self._titles(hit) if not _is_among(word, asked)]
        if foreign and (given is None or len(foreign) > 1 or not speaks_of(given, foreign[0])):
            return False
        if self.stance is Stance.THING:
            return True
        if is_korean(self.question) and not all(
            verb in hit.passage.text for verb in ko.verbs(self.question)
        ):
            return False
        named = (word for word in _content(self.subject.text) if word not in _GENERIC)
        return all(speaks_of(hit, word) for word in named)

    def fits_alone(self, hit: Hit) -> bool:
        """Whether a source is about this question as it stands, whatever was said before."""
        named = _content(self.question)
        if not named or not self._is_said(hit):
            return False
        asked = {*named, *_content(self.subject.text)}
        return all(_is_among(word, asked) for word in self._titles(hit))

    def says(self, hit: Hit) -> int:
        """How many of the question's words the source has, those that say what of it included."""
        return sum(speaks_of(hit, word) for word in (*_content(self.question), *self._attributes()))

    def _is_said(self, hit: Hit) -> bool:
        """Whether the source has all that the question names, and says the kind of thing asked."""
        if not all(speaks_of(hit, word) for word in _content(self.question)):
            return False
        # "And how do I turn it on again?" names no thing, and yet another one than off.
        known = hit.known_question or hit.passage.heading or hit.passage.title
        if other_value(self.question, known, hit.passage.text):
            return False
        if not numbers(self.question) <= numbers(hit.passage.text):
            return False
        kind = wanted(self.question)
        if kind is None and self.stance is Stance.THING:
            kind = wanted(self.subject.question)
        if self.stance is not Stance.BARE:
            return kind in (None, Wanted.MANNER) or says(hit.passage.text, kind)
        if kind is None:
            # "What is included?" names nothing but what of it is asked; "another one?" not that.
            said = self._attributes()
            other = _OTHER.intersection(en.words(self.question))
            return bool(said) and not other and all(speaks_of(hit, word) for word in said)
        return says(hit.passage.text, kind)

    def _titles(self, hit: Hit) -> list[str]:
        title = hit.known_question or hit.passage.heading or hit.passage.title
        return [word for word in _content(title) if word not in _GENERIC]

    def _attributes(self) -> list[str]:
        words = grammar_of(self.question)
        return [word for word in words.words(self.question) if word in words.ATTRIBUTES]


_OTHER = frozenset(every("followups", "other"))
_NUMBER_WORDS: Mapping[str, int] = {**_EN["numbers"], **_KO["numbers"]}
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")


def numbers(text: str) -> frozenset[str]:
    """The numbers in a text, words for them included; one is none."""
    found = {match.group() for match in _DIGITS.finditer(text)}
    for word in text.lower().split():
        value = _NUMBER_WORDS.get(word.strip(".,;:!?()"))
        if value is not None:
            found.add(str(value))
    return frozenset(found - {"1"})


def names_all(question: str, known: str) -> bool:
    """Whether the question names everything that a known one is about, so that nothing that it
    leaves open, as "it" does, can be meant by the known one alone.
    """
    said = put_as(question, known)
    named = _content(known)
    if is_korean(known):
        packed = "".join(said.split())
        return bool(named) and all(word in packed for word in named)
    return bool(named) and all(_is_among(word, en.words(said)) for word in named)


def is_about(question: str, hit: Hit) -> bool:
    """Whether a source plainly speaks of what the question names: of two words in three."""
    named = _content(question)
    said = sum(speaks_of(hit, word) for word in named)
    return 3 * said >= 2 * len(named)


def _content(text: str) -> list[str]:
    words = grammar_of(text)
    return list(dict.fromkeys(words.content(text)))


def _is_among(word: str, words: Collection[str]) -> bool:
    if is_korean(word):
        return any(word in other or other in word for other in words)
    stems = _stems(word)
    return any(stems & _stems(other) or _overlaps(word, other) for other in words)


def speaks_of(hit: Hit, word: str) -> bool:
    """Whether a source has this word, in its text or in what it is called."""
    passage = hit.passage
    text = f"{passage.title} {passage.heading} {hit.known_question} {passage.text}"
    if is_korean(word):
        packed = "".join(text.split())
        return word in packed or (len(word) > 2 and word[-1] in _VERBS and word[:-1] in packed)
    if _stems(word) & _stems(text):
        return True
    return len(word) > 3 and any(_overlaps(word, other) for other in token_set(text))


def _stems(text: str) -> frozenset[str]:
    """The stems of a text; "children" is one child and more."""
    return frozenset(_SINGULAR.get(word, word) for word in token_set(text))


_SINGULAR = {stem(many): one for many, one in _EN["plurals"].items()}
_VERBS: str = _KO["endings"]  #: a verb's last syllable, which changes


def _overlaps(word: str, other: str) -> bool:
    """Whether one English word is made of the other: card, Mastercard; guide, guided."""
    short, long = sorted((word, other), key=len)
    if len(short) < 4 or is_korean(other):
        return False
    return long.endswith(short) or (long.startswith(short) and long[len(short) :] in _INFLECTIONS)


_INFLECTIONS = tuple(_EN["inflections"])
