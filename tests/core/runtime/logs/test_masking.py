"""No personal number and no secret reaches a log, whoever logs it and however."""

from __future__ import annotations

import io
import logging

import pytest

from core.runtime.logs.masking import MaskedLog, masked

PRIVATE = (
    "mina.kim@example.co.kr",
    "4111 1111 1111 1111",
    "010-1234-5678",
    "+82 10 1234 5678",
    "(415) 555-2671",
    "900101-1234567",
    "xoxb-1234567890-abcdefghijkl",
    "desk_" + "a1B2" * 10,
)


def logged(*said: object, error: Exception | None = None) -> str:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(MaskedLog())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("test.masking")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        logger.error(*said, exc_info=error)
    finally:
        logger.removeHandler(handler)
    return out.getvalue()


@pytest.mark.parametrize("value", PRIVATE)
def test_it_is_masked_in_sentences_arguments_and_tracebacks(value: str) -> None:
    assert value not in logged(f"a customer wrote {value}, twice")
    assert value not in logged("a customer wrote %s", value)
    assert value not in logged("it failed", error=ValueError(f"cannot send to {value} now"))


def test_a_link_and_a_password_in_an_address() -> None:
    link = "GET /login/link/" + "x1Y2" * 10
    assert masked(link) == "GET /login/link/[SECRET]"
    assert "hunter22" not in masked("mongodb://desk:hunter22@127.0.0.1:27017/ does not answer")


def test_what_is_nobodys_secret_stays() -> None:
    for line in (
        "a batch of 128 commits could not be written",
        "working on 3f2a9c1b4d5e6f7a8b9c0d1e failed; again in 0.2 s",
        "the embedded database is back after 1.2 s",
        "cannot listen on 127.0.0.1:8080",
        "broken %s",
    ):
        assert masked(line) == line
    assert "100%" in logged("100%")
