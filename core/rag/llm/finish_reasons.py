"""Normalizes providers' finish reasons: finished, or cut."""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

NORMAL = re.compile(
    r"stop(?:ped|_sequence|_token)?|end_turn|completed?|eos(?:_token)?|endoftext|"
    r"end_of_(?:sequence|text|turn)|finish(?:ed)?|normal|done|final"
)
"""The words for an answer that its model has finished; every other word is a cut.

OpenAI, Mistral, Groq, Ollama, Gemini: stop · Anthropic, Bedrock: end_turn, stop_sequence ·
Cohere: COMPLETE · OpenAI's Responses: completed · Together, Hugging Face, watsonx: eos, eos_token.
"""

TOOLS = re.compile(r"tool_calls?|tool_use|function_call")
"""An answer that was asked for as the arguments of a tool ends with the call."""

UNTOLD = frozenset(("", "null", "none", "in_progress", "queued", "finish_reason_unspecified"))
"""What some write down while the answer is still coming, and Google's protocol by default."""

_FINISH = re.compile(r"finish_?reason", re.IGNORECASE)
_OTHERS = re.compile(r"(?:stop|done|end|completion)_?reason", re.IGNORECASE)
_STATUS = re.compile(r"completed|incomplete|failed|cancell?ed|expired")


def told_ends(message: BaseMessage) -> Iterator[str]:
    """What a message, or a piece of one, says about its end, in one spelling; mostly nothing."""
    told = {key: _word(value) for key, value in message.response_metadata.items()}
    for keys in (_FINISH, _OTHERS):
        # Beside a finish reason, a stop reason may be the text at which it stopped.
        if words := [told[k] for k in told if keys.fullmatch(k) and told[k] not in UNTOLD]:
            yield from words
            break
    if _STATUS.fullmatch(told.get("status", "")):
        yield told["status"]
    if message.additional_kwargs.get("refusal"):
        yield "refusal"
    for block in message.content if isinstance(message.content, list) else ():
        if isinstance(block, Mapping) and _inner(block).get("type") == "refusal":
            yield "refusal"


def _inner(block: Mapping[str, Any]) -> Mapping[str, Any]:
    value = block.get("value")
    return value if block.get("type") == "non_standard" and isinstance(value, Mapping) else block


def _word(value: object) -> str:
    """`FinishReason.MAX_TOKENS`, "maxTokens" and "MAX_TOKENS" are all max_tokens."""
    if isinstance(value, Mapping):  # {"reason": "endoftext", "length": 512}
        value = value.get("reason") or value.get("type")
    if isinstance(value, enum.Enum):
        value = value.name
    word = str(value if value is not None else "").strip().rpartition(".")[2]
    for times in (2, 3, 4):  # pieces added up say "STOPSTOP"
        if word and word == word[: len(word) // times] * times:
            word = word[: len(word) // times]
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[\s-]+", "_", word).lower()


def cut(ends: Collection[str], *, as_tool_call: bool) -> str:
    """The words by which an answer was cut, "" for one that ended as it should.

    `as_tool_call`: its text is the arguments of the tool that was offered to it.
    """
    return ", ".join(
        sorted(
            end
            for end in ends
            if not NORMAL.fullmatch(end) and not (as_tool_call and TOOLS.fullmatch(end))
        )
    )
