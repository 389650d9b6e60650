"""Settings and command lines that cannot work end in one sentence and exit code 2."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from tests.support.served import Served

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRUSTED_PROXIES", "abc"),
        ("EMBEDDING_MODEL", "nonsense"),
        ("EMBEDDING_MODEL", "nonsense:model"),
        ("LLM_MODEL", "nonsense"),
        ("LLM_OPTIONS", "{max_tokens: 5}"),
        ("QDRANT_URL", "http://127.0.0.1:1"),
        ("MONGODB_URI", "mongodb://a:b@c@d/x"),
        ("MONGODB_URI", "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=300"),
        ("AUTO_SEND_TARGET_PRECISION", "2"),
        ("AUTO_SEND_COLD_START", "maybe"),
        ("REPORT_TIME", "nine"),
        ("REPORT_TIMEZONE", "Mars"),
        ("PUBLIC_URL", "ftp://example.com"),
        ("SECRET_KEY", "short"),
        ("HOST", "nowhere.invalid"),
    ],
)
def test_it_names_the_setting(tmp_path: Path, name: str, value: str) -> None:
    done = Served(tmp_path).bot("run", "--port", "0", settings={name: value})
    assert (done.code, done.out) == (2, "")
    assert len(done.err.strip().splitlines()) == 1, done.err
    assert "unforeseen" not in done.err
    assert (value if name == "HOST" else name) in done.err


def test_doctor_says_what_is_wrong_with_a_models_options(tmp_path: Path) -> None:
    done = Served(tmp_path).bot("doctor", settings={"LLM_OPTIONS": "{max_tokens: 5}"})
    assert (done.code, done.out) == (2, "")
    assert len(done.err.strip().splitlines()) == 1, done.err
    assert "LLM_OPTIONS" in done.err
    known = {"LLM_MODEL": "openai:x", "OPENAI_API_KEY": "sk-test"}
    done = Served(tmp_path).bot("doctor", settings=known | {"LLM_OPTIONS": '{"max_tokens": "x"}'})
    [line] = [line for line in done.out.splitlines() if "language model" in line]
    assert line.startswith("FAIL")
    assert "LLM_OPTIONS, max_tokens" in line


def test_a_port_in_use_is_known_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        began = time.monotonic()
        port = str(taken.getsockname()[1])
        done = Served(tmp_path).bot("run", "--port", port)
        assert (done.code, done.out) == (2, "")
        assert f"Cannot listen on 127.0.0.1:{port}" in done.err
        assert len(done.err.splitlines()) == 1
        assert not (tmp_path / "data" / "store.password").exists()
        assert time.monotonic() - began < 20


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file is in the way")
    done = Served(tmp_path).bot("run", "--port", "0")
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert "data" in done.err
