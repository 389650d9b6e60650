"""Recognises a provider's refusal of an option or of a schema."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

SCHEMA = "schema"  #: named like an option: an answer by a schema, or as a tool's arguments

_REFUSING = frozenset((400, 404, 405, 415, 422, 501))
_SOUNDS_LIKE_IT = re.compile(
    r"unexpected keyword argument|not (?:\w+ )?(?:supported|permitted|allowed)|unsupported|"
    r"unrecognized|unknown (?:\w+ )?(?:parameter|argument|field)|invalid[_ ]?argument|bad request",
    re.IGNORECASE,
)
_SCHEMA = re.compile(
    r"response.?format|json.?(?:schema|object|mode)|schema|structured|\btools?\b|tool.?(?:use|choice|call)|"
    r"\bfunctions?\b|grammar|guided|output.?config",
    re.IGNORECASE,
)
_BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NO_LETTER = re.compile(r"[^0-9a-z가-힣]")
_ALSO_CALLED = {
    "max_tokens": (
        *("max_completion_tokens", "max_output_tokens", "max_new_tokens", "num_predict"),
        *("maximum context", "context length", "context window", "context size"),
    ),
    "max_completion_tokens": ("max_tokens", "max_output_tokens"),
    "reasoning_effort": ("reasoning", "effort", "thinking"),
}


def status_of(error: BaseException) -> int | None:
    """The HTTP status in a provider's error, however it keeps it; None where it has none."""
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        kept = [getattr(cause, name, None) for name in ("status_code", "http_status", "code")]
        kept.append(getattr(response, "status_code", None))
        if isinstance(response, dict):
            kept.append(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
        for value in kept:
            if isinstance(value, int) and 100 <= value < 600:
                return int(value)
    return None


def retry_after(error: BaseException) -> float:
    """The seconds after which the provider wants to be asked again; 0 where it does not say."""
    for cause in _causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", None)
        told = headers.get("retry-after", "") if headers is not None else ""
        if re.fullmatch(r"\d{1,5}(?:\.\d+)?", str(told)):
            return float(told)
    return 0.0


def is_refusal(error: BaseException) -> bool:
    """Whether the request as it was made will never be answered."""
    status = status_of(error)
    if status is not None:
        return status in _REFUSING
    return any(_SOUNDS_LIKE_IT.search(str(cause)) for cause in _causes(error))


def may_be_guessed(error: BaseException) -> bool:
    """Whether a refusal that names nothing may still be about an option or the schema."""
    return status_of(error) in (400, 422, 501, None)


def named_in(error: BaseException, sent: Collection[str]) -> frozenset[str]:
    """Which of the options that were sent the refusal speaks of; of the schema only if of none."""
    said = " ".join(str(cause) for cause in _causes(error))
    words = _spelled(said)
    options = frozenset(
        name
        for name in sent
        if any(_spelled(alias) in words for alias in (name, *_ALSO_CALLED.get(name, ())))
    )
    if not options and SCHEMA in sent and _SCHEMA.search(said):
        return frozenset((SCHEMA,))
    return options - {SCHEMA}


def _spelled(text: str) -> str:
    """Words apart, in small letters: maxTokens, max_tokens and max-tokens are the same two."""
    apart = _BETWEEN_WORDS.sub(" ", text)
    return f" {' '.join(_NO_LETTER.sub(' ', apart.lower()).split())} "


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
