"""The control socket: runs commands in the process that holds the data directory."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import stat
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from core.errors import ContactCenterError, SetupError
from core.runtime.tasks import end

log = logging.getLogger(__name__)

SOCKET = "control.sock"
MAX_SOCKET_PATH = 100  #: bytes; the kernel takes 107, other systems 103
MAX_LINE = 16 * 1024 * 1024
FAILED = 2  #: exit code of a command that could not do its work

Args = Mapping[str, Any]


class Out(Protocol):
    """The port to a command's output."""

    def line(self, text: str = "") -> None:
        """A line of the result."""
        ...

    def note(self, text: str) -> None:
        """A remark for the person at the terminal that is no part of the result."""
        ...

    def progress(self, done: int, total: int, label: str = "") -> None:
        """How far a long work has come."""
        ...


Command = Callable[[Args, Out], Awaitable[int]]
"""Does one thing and returns the exit code; ContactCenterError is an error told in one line."""


def socket_path(data_dir: Path) -> Path:
    """Where the process on this directory listens; short enough for a socket's address."""
    direct = data_dir / SOCKET
    if len(os.fsencode(direct)) <= MAX_SOCKET_PATH:
        return direct
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"contact-center-{os.getuid()}" / f"{name}.sock"


async def perform(command: Command, args: Args, out: Out) -> int:
    """Run a command; its errors become one line and exit code 2."""
    try:
        return await command(args, out)
    except ContactCenterError as error:
        out.note(f"Error: {' '.join(error.detail.split())}")
    except Exception:
        log.exception("a command failed")
        out.note("Error: something unforeseen went wrong; the log says what.")
    return FAILED


class ControlServer:
    """Takes commands from our own user on this machine."""

    def __init__(self, commands: Mapping[str, Command], *, path: Path) -> None:
        self._commands = commands
        self._path = path
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. The caller holds the data directory, so an old socket is a dead one."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_unless_ours(self._path)
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(
            self._serve, path=str(self._path), limit=MAX_LINE
        )
        self._path.chmod(0o600)

    async def finish(self) -> None:
        """Take no new commands and return once those under way are done."""
        self._close()
        if self._running:
            await asyncio.wait(self._running)

    async def stop(self) -> None:
        """Take no new commands and cancel those under way; safe twice."""
        running = tuple(self._running)
        self._close()
        await end(*running)

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            log.info("a command was broken off")
        finally:
            self._running.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        out = _Remote(writer)
        try:
            asked = json.loads(await reader.readline())
            name, args = asked["command"], dict(asked["args"])
        except (ValueError, KeyError, TypeError, RecursionError):
            out.note("Error: this is no command.")
            out.send(exit=FAILED)
            return
        command = self._commands.get(str(name))
        if command is None:
            out.note("Error: the running process is of another version and has no such command.")
            out.send(exit=FAILED)
            return
        work = asyncio.ensure_future(perform(command, args, out))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                out.send(exit=work.result())
                await writer.drain()
        finally:
            # Whoever asked has gone away (or got their answer): nobody waits for the rest.
            await end(work, gone)


class _Remote:
    """A command's answer on its way to the process that asked."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def send(self, **said: object) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            self._writer.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")

    def line(self, text: str = "") -> None:
        self.send(line=text)

    def note(self, text: str) -> None:
        self.send(note=text)

    def progress(self, done: int, total: int, label: str = "") -> None:
        self.send(progress=[done, total, label])


async def call(path: Path, command: str, args: Args, *, out: Out) -> int | None:
    """Have the process that listens there run the command; its exit code.

    None when nobody listens, so the caller has to do it. Raises SetupError where somebody else may
    be the one who listens: they would be told passwords, and could answer what they like.
    """
    _refuse_a_strangers(path)
    try:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=MAX_LINE)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except OSError as error:
        raise SetupError(f"The socket {path} cannot be used: {error.strerror}.") from error
    try:
        asked = {"command": command, "args": dict(args)}
        writer.write(json.dumps(asked, ensure_ascii=False).encode() + b"\n")
        await writer.drain()
        while answer := await reader.readline():
            match json.loads(answer):
                case {"line": str(text)}:
                    out.line(text)
                case {"note": str(text)}:
                    out.note(text)
                case {"progress": [int(done), int(total), str(label)]}:
                    out.progress(done, total, label)
                case {"exit": int(code)}:
                    return code
    except ConnectionError:
        pass
    finally:
        writer.close()
    raise SetupError("The running process went away before the command was done.")


def _refuse_a_strangers(path: Path) -> None:
    """Raises SetupError where there is a socket that others may have put there."""
    if path.exists():
        _refuse_unless_ours(path)


def _refuse_unless_ours(path: Path) -> None:
    """Raises SetupError where others may have put this socket, or its folder, in its place."""
    folder, us = path.parent, os.getuid()
    link, found = folder.lstat(), folder.stat()
    # Root may name the data directory of a service; below /tmp the folder has to be root's own.
    theirs = found.st_uid != us and (us != 0 or path.name != SOCKET)
    planted = stat.S_ISLNK(link.st_mode) and link.st_uid not in (0, us)
    if theirs or planted or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SetupError(f"{folder} belongs to somebody else, too; remove it.")
