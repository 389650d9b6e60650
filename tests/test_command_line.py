"""The program as an operator runs it: real processes, one data directory."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.storage.client import connect
from core.storage.embedded import EmbeddedStore

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.timeout(180), pytest.mark.apart, pytest.mark.long]


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


def bot(*args: str, data_dir: Path, settings: Mapping[str, str] | None = None) -> Ran:
    environment = clean_environment() | {"DATA_DIR": str(data_dir)} | dict(settings or {})
    done = subprocess.run(
        [sys.executable, str(ROOT / "bot.py"), *args],
        capture_output=True, text=True, env=environment, cwd=data_dir.parent, timeout=120,
        check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def clean_environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """`bot.py run` on a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir, self.port = data_dir, free_port()
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "bot.py"), "run", "--port", str(self.port)],
            stdout=subprocess.PIPE, stderr=(data_dir.parent / "run.log").open("w"), text=True,
            env=clean_environment() | {"DATA_DIR": str(data_dir)}, cwd=data_dir.parent,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.said = [self.process.stdout.readline() for _ in range(3)]

    def get(self, path: str, token: str = "") -> tuple[int, str]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()

    def stop(self) -> float:
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0, (self.data_dir.parent / "run.log").read_text()
        return time.monotonic() - began


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("served") / "data")
    yield started
    if started.process.poll() is None:
        started.process.kill()
        started.process.wait()


def test_it_prints_where_to_chat_and_how_to_sign_in(server: Server) -> None:
    chat, console, sign_in = server.said
    assert f"http://127.0.0.1:{server.port}/\n" in chat
    assert "/console" in console
    link = re.search(r"http://\S+/login/link/\S+", sign_in)
    assert link is not None
    assert server.get("/readyz")[0] == 200


def test_commands_run_in_the_serving_process_and_take_effect_at_once(server: Server) -> None:
    added = bot(
        "users", "add", "ann@example.com", "--role", "agent", "--token", data_dir=server.data_dir
    )
    assert added.code == 0, added.err
    token = added.out.strip().splitlines()[-1]
    assert server.get("/api/approvals/pending", token)[0] == 200
    listed = bot("users", "list", data_dir=server.data_dir)
    assert "ann@example.com  agent" in listed.out
    refused = bot("users", "role", "nobody@example.com", "admin", data_dir=server.data_dir)
    assert refused.code == 2
    assert len(refused.err.strip().splitlines()) == 1


def test_knowledge_added_while_it_serves_is_found_at_once(server: Server, tmp_path: Path) -> None:
    document = tmp_path / "parcels.md"
    document.write_text("# Parcels\n\nA zeppelin brings parcels to Jeju on Tuesdays.\n")
    added = bot("kb", "add", str(document), "--topic", "shipping", data_dir=server.data_dir)
    assert (added.code, added.out) == (0, "1 added, 0 changed, 0 unchanged, 0 removed, 0 failed\n")
    again = bot("kb", "add", str(document), "--topic", "shipping", data_dir=server.data_dir)
    assert "1 unchanged" in again.out
    found = bot("kb", "search", "When does the zeppelin fly?", data_dir=server.data_dir)
    assert "Tuesdays" in found.out
    missing = bot("kb", "add", "nowhere.md", data_dir=server.data_dir)
    assert missing.code == 2
    assert "nowhere.md" in missing.err


def test_a_known_colleague_gets_the_role_that_is_named(server: Server) -> None:
    add = ("users", "add", "bea@example.com", "--role")
    assert bot(*add, "agent", data_dir=server.data_dir).code == 0
    again = bot(*add, "supervisor", data_dir=server.data_dir)
    assert again.code == 0
    assert "is there already, as supervisor now; it was agent." in again.out
    listed = bot("users", "list", data_dir=server.data_dir).out
    assert re.search(r"^bea@example.com +supervisor$", listed, re.MULTILINE)


def test_a_reader_who_has_seen_enough_ends_it_quietly(server: Server) -> None:
    listing = subprocess.Popen(
        [sys.executable, str(ROOT / "bot.py"), "plugins", "list"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=clean_environment() | {"DATA_DIR": str(server.data_dir)},
    )  # fmt: skip
    assert listing.stdout is not None
    listing.stdout.close()  # as `| head` does
    _, told = listing.communicate(timeout=60)
    assert (listing.returncode, told) == (0, b"")


def test_a_second_server_on_the_same_directory_says_so(server: Server) -> None:
    second = bot("run", "--port", "0", data_dir=server.data_dir)
    assert second.code == 2
    assert second.out == ""
    [sentence] = second.err.strip().splitlines()
    assert str(server.process.pid) in sentence
    assert "--data-dir" in sentence


def test_a_port_in_use_says_so(server: Server, tmp_path: Path) -> None:
    other = bot("run", "--port", str(server.port), data_dir=tmp_path / "data")
    assert other.code == 2
    assert f"Cannot listen on 127.0.0.1:{server.port}" in other.err.strip().splitlines()[-1]


@pytest.mark.timed
def test_it_stops_within_five_seconds_and_what_it_knew_is_still_there(server: Server) -> None:
    # Other tests of this file may have run elsewhere.
    bot("users", "add", "ann@example.com", "--role", "agent", data_dir=server.data_dir)
    document = server.data_dir.parent / "parcels.md"
    document.write_text("# Parcels\n\nA zeppelin brings parcels to Jeju on Tuesdays.\n")
    bot("kb", "add", str(document), data_dir=server.data_dir)
    assert server.stop() < 5
    listed = bot("users", "list", data_dir=server.data_dir)
    assert "ann@example.com  agent" in listed.out
    assert "Parcels" in bot("kb", "list", data_dir=server.data_dir).out


def test_commands_work_before_the_first_start_and_together(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    environment = clean_environment() | {"DATA_DIR": str(data_dir)}
    adding = [
        subprocess.Popen(
            [sys.executable, str(ROOT / "bot.py"), "users", "add", f"{name}@example.com",
             "--role", "admin"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in ("a", "b", "c")
    ]  # fmt: skip
    for each in adding:
        out, err = each.communicate(timeout=120)
        assert each.returncode == 0, (out, err)
    listed = bot("users", "list", data_dir=data_dir)
    assert len(listed.out.splitlines()) == 3


@pytest.mark.parametrize(
    ("args", "settings", "sentence"),
    [
        (["run"], {"PORT": "http"}, "PORT ('http') cannot be used"),
        (["run", "--port", "99999"], {}, "PORT ('99999') cannot be used"),
        (["run"], {"MONGODB_URI": "nonsense"}, "MONGODB_URI cannot be used"),
        (
            ["users", "list"],
            {"MONGODB_URI": "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=300"},
            "no MongoDB answers at 127.0.0.1:1",
        ),
        (["run"], {"DATA_DIR": "/proc/none/data"}, "cannot be written"),
        (["kb", "list"], {"DATA_DIR": "/proc/none/data"}, "cannot be written"),
        (["run", "--role", "worker"], {}, "REDIS_URL"),
        (
            ["run", "--role", "web"],
            {"REDIS_URL": "redis://h", "MONGODB_URI": "mongodb://h", "SECRET_KEY": "k" * 20},
            "set QDRANT_URL and PUBLIC_URL.",
        ),
        (["run"], {"REDIS_URL": "redis://h"}, "MONGODB_URI, QDRANT_URL, SECRET_KEY and PUBLIC_URL"),
        (["run"], {"DESK_HOURS": "sometimes"}, "DESK_HOURS"),
        (["fly"], {}, "No such command"),
        (["users", "add", "x@example.com"], {}, "--role"),
        (["users", "add", "not-an-address", "--role", "agent"], {}, "e-mail"),
        (["kb", "remove", "nothing"], {}, "no article"),
        (["kb", "search", " "], {}, "QUESTION is empty"),
        (["erase", ""], {}, "CONTACT is empty"),
        (["export", ""], {}, "CONTACT is empty"),
        (["plugins", "new", "telegram"], {}, "comes with the program"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(
    tmp_path: Path, args: list[str], settings: dict[str, str], sentence: str
) -> None:
    done = bot(*args, data_dir=tmp_path / "data", settings=settings)
    assert done.code == 2
    assert done.out == ""
    lines = done.err.strip().splitlines()
    assert len(lines) == 1, done.err
    assert sentence in lines[0]


@pytest.mark.parametrize(
    "command",
    ["", "run", "kb", "kb add", "kb list", "kb remove", "kb search", "kb rebuild", "users",
     "users add", "users list", "users role", "users remove", "plugins", "plugins list",
     "plugins enable", "plugins disable", "plugins check", "plugins new", "plugins test", "doctor",
     "plugins reseal", "store", "store remove-strangers", "backup", "restore", "upgrade",
     "eval", "audit", "audit verify", "deliveries", "deliveries list", "deliveries retry"],
)  # fmt: skip
def test_every_command_has_help(tmp_path: Path, command: str) -> None:
    done = bot(*command.split(), "--help", data_dir=tmp_path / "data")
    assert done.code == 0
    assert "Usage:" in done.out
    assert not (tmp_path / "data").exists()


def test_the_environment_file_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=nonsense\n")
    done = bot("run", data_dir=tmp_path / "data")
    assert done.code == 2
    assert "PORT ('nonsense')" in done.err


def test_eval_measures_a_labelled_set_without_a_data_directory(tmp_path: Path) -> None:
    articles = [("returns", "How do I return a parcel?"), ("hours", "When are you open?")]
    knowledge = [
        {"id": key, "title": title, "text": f"{title} Read on.", "topic": "", "lang": "en"}
        for key, title in articles
    ]
    questions = [
        {"id": "1", "text": "When are you open?", "lang": "en", "relevant": ["hours"]},
        {"id": "2", "text": "Do you sell zebras?", "lang": "en", "relevant": []},
    ]
    for name, rows in (("kb", knowledge), ("queries", questions)):
        lines = "\n".join(json.dumps(row) for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    files = ["--kb", str(tmp_path / "kb.jsonl"), "--queries", str(tmp_path / "queries.jsonl")]
    done = bot("eval", *files, "--json", data_dir=tmp_path / "data")
    assert done.code == 0, done.err
    figures = json.loads(done.out)
    assert figures["queries"] == 2
    assert figures["recall@1"] == 1.0
    assert {"mrr@10", "auroc", "coverage@0.95", "threshold", "ms_p95"} <= set(figures)
    assert not (tmp_path / "data").exists()


def test_doctor_and_audit_at_rest(tmp_path: Path) -> None:
    settings = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": "1", "PUBLIC_URL": "http://desk.example"}
    done = bot("doctor", data_dir=tmp_path / "data", settings=settings)
    lines = done.out.splitlines()
    assert done.code == 1
    assert any(line.startswith("ok    store: the embedded database answers") for line in lines)
    assert any(line.startswith("note  public address: PUBLIC_URL is not https") for line in lines)
    [mail] = [line for line in lines if line.startswith("FAIL")]
    assert "SMTP_HOST" in mail
    verified = bot("audit", "verify", data_dir=tmp_path / "data")
    assert verified.code == 0
    assert verified.out.endswith("intact\n")


def test_nothing_of_it_is_for_others_to_read(tmp_path: Path) -> None:
    """However the directory was made, and whatever the shell that starts it lets others do."""
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)
    before = os.umask(0)
    try:
        done = bot("doctor", data_dir=data)
    finally:
        os.umask(before)
    assert "ours alone (700)" in done.out
    files = [*data.rglob("*")]
    assert len(files) > 10
    assert [str(f) for f in files if f.lstat().st_mode & 0o077 and not f.is_symlink()] == []


def test_a_planted_user_is_refused_and_removed_by_one_command(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert bot("audit", "verify", data_dir=data).code == 0
    plant(data)
    refused = bot("audit", "verify", data_dir=data)
    assert refused.code == 2
    assert "planted (admin)" in refused.err
    assert len(refused.err.splitlines()) == 1
    removed = bot("store", "remove-strangers", data_dir=data)
    assert (removed.code, removed.out) == (0, "removed planted (admin)\n")
    assert bot("audit", "verify", data_dir=data).code == 0


def plant(data: Path) -> None:
    """Somebody who was in the store once leaves a user behind."""

    async def inside() -> None:
        store = EmbeddedStore(data)
        await store.start()
        client = connect(store.uri)
        roles = [{"role": "root", "db": "admin"}]
        await client.admin.command("createUser", "planted", pwd="x", roles=roles)
        await client.close()
        await store.stop()

    asyncio.run(inside())


def test_deliveries_at_rest(tmp_path: Path) -> None:
    listed = bot("deliveries", "list", data_dir=tmp_path / "data")
    assert (listed.code, listed.out) == (0, "")
    assert "Everything has arrived." in listed.err
    missing = bot("deliveries", "retry", "nothing.7", data_dir=tmp_path / "data")
    assert missing.code == 2
