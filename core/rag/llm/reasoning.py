"""Strips a model's reasoning from its streaming output."""

from __future__ import annotations

import re

_NAMES = (
    r"(?:\w{1,12}:)?(?:ant)?(?:think(?:ing)?|thoughts?|thought[_-]?process|reasoning|reflection|"
    r"analysis|scratch[_-]?pad|(?:inner|internal)[_-]?(?:monologue|thoughts?)|chain[_-]?of[_-]?thought)"
)
_TAG = re.compile(
    # <think>, <thinking time="3">, </seed:think>, and the same as HTML writes it down
    rf"(?:<|&lt;)(?P<shut>/?)\s*{_NAMES}(?:\s[^<>]{{0,80}})?(?:>|&gt;)"
    # [THINK] of Magistral, ◁think▷ of Kimi
    r"|(?:\[(?P<shut2>/?)THINK(?:ING)?\]|◁(?P<shut3>/?)\s*think(?:ing)?\s*▷)"
    # <|begin_of_thought|>, <|START_THINKING|>, <|think|>, <|/think|>
    r"|<\|(?:(?P<open4>begin_of_thought|start_thinking|think(?:ing)?)"
    r"|(?P<shut4>end_of_thought|end_thinking|/think(?:ing)?))\|>"
    # <|channel|>analysis<|message|> and <|channel|>final<|message|> of gpt-oss
    r"|<\|channel\|>\s*(?P<channel>\w+)[^<]{0,80}<\|message\|>"
    # <|channel>thought … <channel|> of Gemma, <unused94>thought … <unused95> before it
    r"|(?P<open5><\|channel>|<unused94>)"
    r"|(?P<shut5><channel\|>|<unused95>)"
    # marks of the chat template that a server has let through
    r"|(?P<mark><\|(?:start|end|return|call|im_start|im_end|eot_id|end_of_text|endoftext|"
    r"start_header_id|end_header_id|begin_of_text|begin_of_solution|end_of_solution|"
    r"start_response|end_response|message|assistant|eom_id)\|>(?:assistant)?"
    r"|</?s>|<(?:start|end)_of_turn>|<｜[^｜<>]{1,40}｜>)",
    re.IGNORECASE,
)
_MAY_GROW = re.compile(
    r"(?:<(?:[/|!?｜\w][^<>]{0,120})?|<\|channel\|>\s*\w*[^<]{0,80}(?:<(?:\|\w{0,7}\|?)?)?"
    r"|\[/?[A-Z]{0,8}|◁[^▷]{0,12}|&[a-z]{0,2}|&lt;[^&<>]{0,100}(?:&[a-z]{0,2})?)$",
    re.IGNORECASE,
)
_HELD = 260  #: letters that may have to wait for what a mark becomes


class ReasoningFilter:
    """Takes a text in pieces and yields the part that is meant for the reader.

    Some templates write only the end of the reasoning ("… </think>"): then everything given
    before was reasoning too, and `restarts` counts up.
    """

    def __init__(self) -> None:
        self.restarts = 0
        self._held = ""
        self._depth = 0
        self._given = False  # whether anything has been given since the last restart

    def feed(self, piece: str, *, final: bool = False) -> str:
        """What can be given now; with `final`, all that is left."""
        text = self._held + piece
        given = ""
        place = 0
        for match in _TAG.finditer(text):
            if self._depth == 0:
                given += text[place : match.start()]
            place = match.end()
            if match["mark"] is not None:
                continue
            if self._begins(match):
                self._depth += 1
            elif self._depth > 0 and match["channel"] is None:
                self._depth -= 1
            else:
                self._depth = 0
                self.restarts += self._given or bool(given.strip())
                self._given = False
                given = ""
        rest = text[place:]
        if not final:
            growing = _MAY_GROW.search(rest, max(0, len(rest) - _HELD))
            rest = rest[: growing.start()] if growing else rest
        self._held = text[place + len(rest) :]
        if self._depth == 0:
            given += rest
        self._given = self._given or bool(given.strip())
        return given

    @staticmethod
    def _begins(match: re.Match[str]) -> bool:
        if match["channel"] is not None:
            return match["channel"].lower() != "final"
        if match["open4"] is not None or match["open5"] is not None:
            return True
        shuts = (match["shut"], match["shut2"], match["shut3"])
        return match["shut4"] is None and match["shut5"] is None and "/" not in shuts


def without_reasoning(text: str) -> str:
    """A whole text without its reasoning."""
    return ReasoningFilter().feed(text, final=True)
