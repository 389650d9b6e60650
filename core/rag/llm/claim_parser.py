"""Parses a streaming answer into claims with the numbers of their sources."""

from __future__ import annotations

from core.rag.llm.claims import Claim, sentences_from
from core.rag.llm.html_stripping import MarkupFilter
from core.rag.llm.json_output import BrokenAnswer, answer_in, growing_claims, object_begins
from core.rag.llm.reasoning import ReasoningFilter

NO_ANSWER = "NO_ANSWER"
LONGEST = 20_000  #: characters of an answer; a model that babbles on is cut off
LONGEST_REASONING = 400_000  #: the same with the reasoning
_ENDS = frozenset(".!?。？！…\n])}>】")  #: a sentence or an object is whole with one of these


class AnswerReader:
    """Takes an answer in pieces and yields its claims as they become complete.

    Reasoning and HTML are left out. An object with claims is found wherever it stands: behind a
    sentence, in a fence; without one the answer is plain text with [1] markers. Where it turns
    out that what was given before is no part of the answer, `restarts` counts up: the claims
    given until then are void, and those returned with it are the first ones.
    """

    def __init__(self) -> None:
        self._reasoning = ReasoningFilter()
        self._raw: list[str] = []
        self._length = 0
        self._text = ""
        self._markup = MarkupFilter()
        self._plain = ""  # the text without HTML; where it holds an object, that is not looked at
        self._place = 0  # how far claims have been given
        self._given: list[Claim] = []
        self._object = -1  # where the first object begins; -1 while there is none
        self._restarts = 0
        self._is_empty = False  # an object that holds no claim
        self._may_end = False  # the piece before held what may end a sentence

    @property
    def text(self) -> str:
        """What has come so far, without the reasoning."""
        return self._text

    @property
    def raw(self) -> str:
        """All that has come so far, as it was written."""
        return "".join(self._raw)

    @property
    def restarts(self) -> int:
        """How often what was given before has become void."""
        return self._restarts

    @property
    def refused(self) -> bool:
        """Whether the model says that the sources do not answer the question."""
        return self._is_empty or NO_ANSWER in self._text[:200]

    def feed(self, piece: str) -> list[Claim]:
        """Claims that this piece completes. Raises BrokenAnswer for an endless answer."""
        self._take(piece, final=False)
        # A refusal may still be growing: "NO_ANS".
        if self.refused or NO_ANSWER.startswith(self._text.strip()[: len(NO_ANSWER)]):
            if self.refused:
                self._void()
            return []
        self._look_for_object()
        # What ends a sentence shows it with the next letter; in between nothing can be whole.
        due = self._may_end
        self._may_end = not _ENDS.isdisjoint(piece)
        if not (due or self._may_end):
            return []
        if self._object >= 0:
            claims, self._place = growing_claims(self._text, self._object, self._place)
        else:
            claims = self._sentences(final=False)
        self._given += claims
        return claims

    def finish(self) -> list[Claim]:
        """The claims that were still open. Raises BrokenAnswer for an object that is not whole."""
        self._take("", final=True)
        if self.refused:
            self._void()
            return []
        self._look_for_object()
        if self._object < 0:
            return self._sentences(final=True)
        # Read anew as a whole: what comes later may show that the first object is not the answer.
        claims = answer_in(self._text)
        self._is_empty = not claims
        given = len(self._given)
        if claims[:given] != self._given:
            self._void()
            return claims
        return claims[given:]

    def _take(self, piece: str, *, final: bool) -> None:
        self._raw.append(piece)
        self._length += len(piece)
        before = self._reasoning.restarts
        told = self._reasoning.feed(piece, final=final)
        if self._reasoning.restarts != before:
            self._text = self._plain = ""
            self._markup = MarkupFilter()
            self._object = -1
            self._void()
        self._text += told
        if self._object < 0:
            self._plain += self._markup.feed(told, final=final)
        if len(self._text) > LONGEST or self._length > LONGEST_REASONING:
            raise BrokenAnswer("The model's answer does not end.")

    def _look_for_object(self) -> None:
        if self._object < 0 and (begins := object_begins(self._text)) >= 0:
            self._object = begins
            # The sentence before an object introduces it.
            self._void()

    def _void(self) -> None:
        if self._given or self._place:
            self._place = 0
            self._given = []
            self._restarts += 1

    def _sentences(self, *, final: bool) -> list[Claim]:
        claims: list[Claim] = []
        for claim, place in sentences_from(self._plain, self._place, final=final):
            self._place = place
            claims.append(claim)
        return claims
