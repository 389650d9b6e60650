"""Commands asked for over the control socket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.errors import BadInput, SetupError
from core.runtime.control_socket import MAX_LINE, Args, ControlServer, Out, call, socket_path


@dataclass
class Told:
    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    steps: list[tuple[int, int, str]] = field(default_factory=list)

    def line(self, text: str = "") -> None:
        self.lines.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, done: int, total: int, label: str = "") -> None:
        self.steps.append((done, total, label))


async def greet(args: Args, out: Out) -> int:
    out.progress(1, 2, "half")
    out.line(f"안녕하세요, {args['name']}")
    return 1


async def refuse(args: Args, out: Out) -> int:
    raise BadInput("No such thing.")


async def break_down(args: Args, out: Out) -> int:
    raise RuntimeError("secret detail")


@dataclass
class Endless:
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, args: Args, out: Out) -> int:
        out.line("started")
        try:
            await asyncio.sleep(60)
        finally:
            self.ended.set()
        return 0


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    where = socket_path(tmp_path)
    server = ControlServer({"greet": greet, "refuse": refuse, "break": break_down}, path=where)
    await server.start()
    yield where
    await server.stop()
    await server.stop()


async def test_a_command_runs_there_and_tells_here(path: Path) -> None:
    told = Told()
    assert await call(path, "greet", {"name": "Ann"}, out=told) == 1
    assert told == Told(lines=["안녕하세요, Ann"], steps=[(1, 2, "half")])
    assert path.stat().st_mode & 0o777 == 0o600


async def test_an_error_is_one_line_and_exit_code_2(path: Path) -> None:
    told = Told()
    assert await call(path, "refuse", {}, out=told) == 2
    assert told.notes == ["Error: No such thing."]


async def test_a_crash_in_a_command_tells_no_details(path: Path) -> None:
    told = Told()
    assert await call(path, "break", {}, out=told) == 2
    assert "secret detail" not in told.notes[0]


async def test_an_unknown_command_is_said_to_be_unknown(path: Path) -> None:
    told = Told()
    assert await call(path, "fly", {}, out=told) == 2
    assert "no such command" in told.notes[0]


async def test_nobody_listens(tmp_path: Path) -> None:
    assert await call(tmp_path / "control.sock", "greet", {}, out=Told()) is None


@pytest.mark.parametrize(
    "said",
    [
        b"\n", b"{\n", b"{}\n", b"[]\n", b"5\n", b'"greet"\n', b'{"command": "greet"}\n',
        b'{"command": "greet", "args": 5}\n', b'{"command": "greet", "args": [1]}\n', b"\xff\n",
        b"[" * 200_000 + b"\n", b'{"command": {"a": 1}, "args": {}}\n', b"x" * 17_000_000 + b"\n",
    ],
    ids=range(13),
)  # fmt: skip
async def test_what_is_no_command_is_said_to_be_none(path: Path, said: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(said)
    if len(said) < MAX_LINE:  # else it is not even read to its end
        assert b'"exit": 2' in b"".join([line async for line in reader])
    writer.close()
    assert await call(path, "greet", {"name": "Bo"}, out=Told()) == 1


async def test_nobody_is_told_anything_in_a_folder_that_others_may_write_to(path: Path) -> None:
    for mode in (0o777, 0o770, 0o1777):
        path.parent.chmod(mode)
        with pytest.raises(SetupError, match="somebody else"):
            await call(path, "greet", {"name": "Bo"}, out=Told())
        with pytest.raises(SetupError, match="somebody else"):
            await ControlServer({}, path=path).start()
    path.parent.chmod(0o700)
    assert await call(path, "greet", {"name": "Bo"}, out=Told()) == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a folder to somebody else")
@pytest.mark.parametrize("is_link", [False, True])
async def test_a_folder_that_somebody_else_made_below_tmp_is_not_used(
    tmp_path: Path, is_link: bool
) -> None:
    folder = tmp_path / "contact-center-0"
    (tmp_path / "real").mkdir(mode=0o700)
    if is_link:
        folder.symlink_to(tmp_path / "real")
    else:
        folder.mkdir(mode=0o700)
    os.chown(folder, 65_534, 65_534, follow_symlinks=False)
    listening = await asyncio.start_unix_server(lambda r, w: w.close(), str(folder / "a.sock"))
    with pytest.raises(SetupError, match="somebody else"):
        await call(folder / "a.sock", "greet", {"name": "secret"}, out=Told())
    with pytest.raises(SetupError, match="somebody else"):
        await ControlServer({}, path=folder / "a.sock").start()
    listening.close()


async def test_a_server_that_stops_says_so_to_whoever_waits(tmp_path: Path) -> None:
    endless = Endless()
    server = ControlServer({"wait": endless}, path=tmp_path / "s")
    await server.start()
    waiting = asyncio.create_task(call(tmp_path / "s", "wait", {}, out=Told()))
    await asyncio.sleep(0.1)
    await server.stop()
    with pytest.raises(SetupError, match="went away"):
        await waiting
    assert endless.ended.is_set()


async def test_a_command_ends_when_its_caller_goes_away(tmp_path: Path) -> None:
    endless = Endless()
    server = ControlServer({"wait": endless}, path=tmp_path / "s")
    await server.start()
    waiting = asyncio.create_task(call(tmp_path / "s", "wait", {}, out=Told()))
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.wait_for(endless.ended.wait(), timeout=2)
    await server.stop()


async def test_a_very_long_directory_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("long-" * 20) / ("name-" * 20)
    deep.mkdir(parents=True)
    where = socket_path(deep)
    server = ControlServer({"greet": greet}, path=where)
    await server.start()
    assert await call(where, "greet", {"name": "Bo"}, out=Told()) == 1
    await server.stop()
    assert not where.exists()


async def test_the_end_comes_although_a_command_loses_its_cancellation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `asyncio.wait_for` of Python 3.11 may lose it: whoever waits for the end would wait on."""
    lost = asyncio.Event()

    async def loses(args: Args, out: Out) -> int:
        out.line("started")
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost.is_set():
                    raise
                lost.set()

    monkeypatch.setattr("core.runtime.tasks.end.__kwdefaults__", {"again": 0.05})
    where = socket_path(tmp_path)
    server = ControlServer({"loses": loses}, path=where)
    await server.start()
    told = Told()
    calling = asyncio.create_task(call(where, "loses", {}, out=told))
    while not told.lines:
        await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        await server.stop()
    assert lost.is_set()
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
