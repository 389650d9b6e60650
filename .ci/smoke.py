"""Starts `make run` on a fresh data directory, asks a question from the guide, expects a source."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
QUESTIONS = {
    "en": "How do I add documents to the knowledge base?",
    "ko": "지식 베이스에 문서를 어떻게 추가하나요?",
}
START_SECONDS = 90.0
ANSWER_SECONDS = 60.0


def ask(url: str, *, token: str = "", body: dict[str, str] | None = None) -> dict[str, Any]:
    """One request of the public API."""
    request = urllib.request.Request(  # noqa: S310 - our own server on loopback
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        if token
        else {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        found = json.load(answer)
    assert isinstance(found, dict)
    return found


def wait_until_ready(address: str, server: subprocess.Popen[bytes]) -> None:
    """Return once the server says that it can serve."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit(f"`make run` ended at once (exit {server.returncode})")
        try:
            ask(f"{address}/readyz")
        except (OSError, urllib.error.URLError):
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"`make run` was not ready within {START_SECONDS:.0f} s")


def answered(address: str, text: str, locale: str) -> dict[str, Any]:
    """The assistant's cited answer to this question, asked as a visitor would."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        opened = ask(f"{address}/api/conversations", body={"text": text, "locale": locale})
        where = f"{address}/api/conversations/{opened['id']}"
        patience = min(deadline, time.monotonic() + 5)
        while time.monotonic() < patience:
            conversation = ask(where, token=opened["token"])
            for message in conversation["messages"]:
                if message["author"] == "ai" and message["citations"]:
                    return dict(message)
            time.sleep(0.2)
        # The guide may still be on its way into the knowledge base: ask anew.
        if time.monotonic() > deadline:
            raise SystemExit(f"no cited answer to {text!r}; the conversation: {conversation}")


def stop(server: subprocess.Popen[bytes]) -> None:
    """End it as an operator would; a process that does not stop fails the test."""
    if server.poll() is not None:
        return
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        raise SystemExit("`make run` did not stop within 20 s") from None


def main() -> None:
    """The whole smoke test."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="smoke-") as data_dir:
        environment = {**os.environ, "PORT": str(port), "DATA_DIR": data_dir}
        began = time.monotonic()
        server = subprocess.Popen(
            ["make", "run"],
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_ready(address, server)
            sys.stdout.write(f"ready after {time.monotonic() - began:.1f} s\n")
            for locale, text in QUESTIONS.items():
                message = answered(address, text, locale)
                sources = ", ".join(citation["title"] for citation in message["citations"])
                sys.stdout.write(f"{locale}: {message['text'][:120]!r} [{sources}]\n")
        finally:
            stop(server)
    sys.stdout.write("smoke test passed\n")


if __name__ == "__main__":
    main()
