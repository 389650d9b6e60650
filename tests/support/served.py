"""The real program as an outsider sees it: a child process, its command line, its HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.process import ROOT, free_port

Json = dict[str, Any]
Until = Callable[[Json], object]


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation of one visitor, and what opens it."""

    site: Served
    id: str
    token: str
    message_id: str | None

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/api/conversations/{self.id}"

    def write(self, text: str, client_id: str) -> Json:
        """Post a message."""
        answer = self.site.post(
            f"{self.path}/messages", {"text": text, "client_id": client_id}, token=self.token
        )
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def post(self, what: str, body: Json | None = None) -> httpx.Response:
        """One of the visitor's other calls."""
        return self.site.post(f"{self.path}/{what}", body, token=self.token)

    def read(self) -> Json:
        """The conversation as its visitor sees it."""
        answer = self.site.get(self.path, token=self.token)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def until(self, holds: Until, *, seconds: float = 10.0) -> Json:
        """The conversation once this holds."""
        deadline = time.monotonic() + seconds
        while not holds(seen := self.read()):
            assert time.monotonic() < deadline, json.dumps(seen, ensure_ascii=False, indent=1)
            time.sleep(0.03)
        return seen

    def texts(self, author: str) -> list[str]:
        """What one side has said."""
        return [m["text"] for m in self.read()["messages"] if m["author"] == author]

    def events(
        self, count: int, *, after: int | None = None, seconds: float = 5.0, token: str = ""
    ) -> list[tuple[int | None, str, Json]]:
        """So many events of its stream: id, name, data; fewer when the time is over."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        found: list[tuple[int | None, str, Json]] = []
        url, limit = f"{self.site.url}{self.path}/events", httpx.Timeout(5, read=seconds)
        with (
            contextlib.suppress(httpx.ReadTimeout),
            httpx.stream("GET", url, headers=headers, timeout=limit, verify=False) as stream,
        ):
            assert stream.status_code == 200
            assert stream.headers["content-type"].startswith("text/event-stream")
            fields: dict[str, str] = {}
            for line in stream.iter_lines():
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                    continue
                if "data" in fields:
                    number = int(fields["id"]) if "id" in fields else None
                    found.append((number, fields["event"], json.loads(fields["data"])))
                    if len(found) == count:
                        break
                fields = {}
        return found


class Served:
    """`bot.py run` on a data directory of its own, and commands beside it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self.data_dir, self.port = folder, folder / "data", free_port()
        self.settings = settings
        self.log = folder / "run.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        return {**kept, "LANG": "C.UTF-8", "DATA_DIR": str(self.data_dir), **self.settings}

    def start(self) -> float:
        """Start it; the seconds until it was ready."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "bot.py"), "run", "--port", str(self.port)],
                env=self._environment, cwd=self.folder, stdout=log, stderr=log,
            )  # fmt: skip
        while time.monotonic() < began + 60:
            assert self.process.poll() is None, self.log.read_text()
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/readyz", verify=False).status_code == 200:
                    return time.monotonic() - began
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def stop(self) -> float:
        """End it as an operator does; the seconds it took."""
        if self.process is None:
            return 0.0
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0, self.log.read_text()
        self.process = None
        return time.monotonic() - began

    def bot(self, *args: str, settings: Mapping[str, str] | None = None) -> Ran:
        """Run a command on the same data directory."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "bot.py"), *args], check=False, text=True, timeout=120,
            capture_output=True, cwd=self.folder, env={**self._environment, **(settings or {})},
        )  # fmt: skip
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def token(self, email: str, role: str) -> str:
        """A new colleague's API token, from the command line."""
        added = self.bot("users", "add", email, "--role", role, "--token")
        assert added.code == 0, added.err
        return added.out.splitlines()[-1]

    def get(self, path: str, *, token: str = "", **query: str) -> httpx.Response:
        """GET with a token."""
        return httpx.get(
            self.url + path, headers=_bearer(token), params=query, timeout=20, verify=False
        )

    def post(
        self, path: str, body: Json | None = None, *, token: str = "", origin: str = ""
    ) -> httpx.Response:
        """POST JSON with a token."""
        headers = _bearer(token) | ({"Origin": origin} if origin else {})
        return httpx.post(self.url + path, json=body, headers=headers, timeout=20, verify=False)

    def chat(self, text: str | None = None, *, locale: str = "en") -> Chat:
        """Open a conversation."""
        answer = self.post("/api/conversations", {"text": text, "locale": locale})
        assert answer.status_code == 201, answer.text
        opened = answer.json()
        return Chat(self, opened["id"], opened["token"], opened.get("message_id"))

    def waiting(self, chat: Chat, token: str, *, about: str = "", seconds: float = 5.0) -> Json:
        """The draft of this conversation that waits for a person, for a question with this word."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for item in self.get("/api/approvals/pending", token=token).json()["items"]:
                if item["conversation_id"] == chat.id and about in item["question"]:
                    return dict(item)
            time.sleep(0.03)
        raise AssertionError(chat.read())

    def decide(self, draft: Json, decision: str, token: str, **more: str) -> httpx.Response:
        """What a person decides about a draft."""
        body = {"decision": decision, "version": draft["version"], **more}
        return self.post(f"/api/approvals/{draft['id']}/decision", body, token=token)


@contextlib.contextmanager
def served(folder: Path, **settings: str) -> Iterator[Served]:
    """The program, serving until the block ends."""
    site = Served(folder, **settings)
    try:
        site.start()
        yield site
    finally:
        if site.process is not None:
            site.process.terminate()
            try:
                site.process.wait(10)
            except subprocess.TimeoutExpired:
                site.process.kill()
                site.process.wait()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
