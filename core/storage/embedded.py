"""The embedded store: SecantusDB as a child process that lives and dies with us."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from core.data_dir import write_secret
from core.errors import SetupError, StoreUnavailable
from core.storage import fresh_files

log = logging.getLogger(__name__)

USER = "desk"
BOOT_SECONDS = 60.0  #: a big store may have to recover its journal first
STOP_SECONDS = 5.0
LOG_BYTES = 10_000_000  #: the child's log is set aside once it is larger
PR_SET_PDEATHSIG = 1


class EmbeddedStore:
    """Runs the database server below a directory of ours.

    `launch` and `start` must be called on the main thread: the kernel ends the child when the
    thread that made it ends, which is how a killed parent leaves no orphan.
    """

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self._directory = directory
        self._storage = directory / "store"
        self._secret = directory / "store.password"
        self._pid_file = directory / "store.pid"
        self._config = directory / "store.toml"
        self._log_file = directory / "logs" / "store.log"
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._watch: asyncio.Task[None] | None = None
        self._rewriting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def uri(self) -> str:
        """How to connect; secret, because it holds the password."""
        password = self._secret.read_text().strip()
        return (
            f"mongodb://{USER}:{password}@127.0.0.1:{self._port}/"
            "?authSource=admin&directConnection=true"
        )

    def launch(self) -> None:
        """Begin to start the server and return at once; `start` then waits for it.

        Raises SetupError when it cannot be run or another one holds the directory.
        """
        self._end_orphan()
        fresh_files.settle(self._directory)
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        # An empty file of ours keeps the server from finding somebody else's settings.
        self._config.write_text("")
        self._port = _free_port()
        self._spawn()

    async def start(self) -> None:
        """Return once the server answers; from then on it is restarted whenever it dies."""
        await self.boot()
        self._watch = asyncio.create_task(self._restart_when_dead(), name="embedded-store")

    async def boot(self) -> None:
        """Return once the server answers; nobody watches over it yet."""
        if self._process is None:
            self.launch()
        if not self._secret.exists():
            await self._provision()
        await self._until_ready()

    async def rewrite(self, *, progress: Callable[[int], None] | None = None) -> None:
        """Move what is alive into fresh files, so that no byte of what was deleted stays.

        The log, which is most of it, is copied while the server serves. For the rest it is away;
        whoever asks it waits or hears that the store does not answer. A break at any point leaves
        the old files or the new ones, whole. Raises StoreUnavailable when the log lost something
        meanwhile, and everything is as before.
        """
        if self._rewriting.locked():
            raise StoreUnavailable("The store is being rewritten already.")
        async with self._rewriting:
            fresh = fresh_files.begin(self._directory)
            target = EmbeddedStore(fresh, durable=False)
            try:
                await self._fill(target, progress)
            finally:
                await target._end_child()
                fresh_files.settle(self._directory)

    async def _fill(self, target: EmbeddedStore, progress: Callable[[int], None] | None) -> None:
        target.launch()
        await target._until_ready()
        await target._make_user(self._secret.read_text().strip())
        here = f"mongodb://127.0.0.1:{target._port}/?directConnection=true"
        ahead = await fresh_files.copy_ahead(self.uri, here, progress=progress)
        watched = await self._unwatch()
        await self._end_child()
        # On another port, so that nobody of ours writes into what is about to go.
        source = EmbeddedStore(self._directory, durable=False)
        source._port = _free_port()
        try:
            try:
                source._spawn()
                await source._until_ready()
                await fresh_files.copy(source.uri, here, ahead=ahead, progress=progress)
            finally:
                await asyncio.gather(source._end_child(), target._end_child())
            fresh_files.swap(self._directory)
        finally:
            self._pid_file.unlink(missing_ok=True)
            self._spawn()
            await self._until_ready()
            if watched:
                self._watch = asyncio.create_task(self._restart_when_dead(), name="embedded-store")

    async def _unwatch(self) -> bool:
        watch, self._watch = self._watch, None
        if watch is None:
            return False
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        return True

    async def stop(self) -> None:
        """Stop the server, gently at first; safe twice and after a failed start."""
        await self._unwatch()
        await self._end_child()
        self._pid_file.unlink(missing_ok=True)

    def _spawn(self) -> None:
        program = Path(sys.executable).with_name("secantusd-py")
        if not program.exists():
            raise SetupError(
                f"The embedded database is not installed ({program} is missing); "
                "run `make run` once, or set MONGODB_URI."
            )
        command = [
            str(program), "--config", str(self._config), "--host", "127.0.0.1",
            "--port", str(self._port), "--storage-path", str(self._storage),
            "--log-level", "WARNING", "--cache-size", "512M", "--standalone",
        ]  # fmt: skip
        if self._durable:
            command.append("--sync-on-commit")
        if self._secret.exists():
            command.append("--auth")
        _set_aside(self._log_file)
        with self._log_file.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - every word of it is ours
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                cwd=self._storage.parent, preexec_fn=_dying_with_parent(),
                start_new_session=True,  # Ctrl-C is for us; we end it when we are done
            )  # fmt: skip
        self._pid_file.write_text(str(self._process.pid))

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                raise SetupError(
                    f"The embedded database ended at once (exit {self._process.returncode}); "
                    f"see {self._log_file}."
                )
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.close()
                return
            except OSError:
                await asyncio.sleep(0.02)
        raise SetupError(f"The embedded database does not answer; see {self._log_file}.")

    async def _provision(self) -> None:
        # The server makes users only while it runs without --auth: once, on loopback, before
        # anything is in it. The password is written down last, so a crash here starts over.
        await self._until_ready()
        password = secrets.token_urlsafe(32)
        await self._make_user(password)
        if self._durable and self._process is not None:
            # Ending gently takes it two seconds of the first start; what it acknowledged, the user
            # too, is on disk.
            self._process.kill()
        await self._end_child()
        write_secret(self._secret, password)
        self._spawn()

    async def _make_user(self, password: str) -> None:
        # Imported here, so that `launch` waits for nothing.
        from pymongo import AsyncMongoClient
        from pymongo.errors import OperationFailure, PyMongoError

        client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(
            f"mongodb://127.0.0.1:{self._port}/?directConnection=true",
            serverSelectionTimeoutMS=5000,
        )
        roles = [{"role": "root", "db": "admin"}]
        try:
            try:
                await client.admin.command("createUser", USER, pwd=password, roles=roles)
            except OperationFailure:
                await client.admin.command("updateUser", USER, pwd=password, roles=roles)
        except PyMongoError as error:
            raise SetupError(f"The embedded database takes no user: {error}") from error
        finally:
            await client.close()

    async def _end_child(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()

    async def _restart_when_dead(self) -> None:
        delay = 0.0
        while True:
            await asyncio.sleep(0.1)
            if self._process is not None and self._process.poll() is None:
                continue
            log.error("the embedded database ended by itself; starting it again")
            began = time.monotonic()
            try:
                await asyncio.sleep(delay)
                self._spawn()
                await self._until_ready()
                log.info("the embedded database is back after %.1f s", time.monotonic() - began)
                delay = 0.0
            except (SetupError, OSError) as error:
                delay = min(delay * 2 + 0.5, 30.0)
                log.error("it did not start (%s); next try in %.1f s", error, delay)

    def _end_orphan(self) -> None:
        """End a server that an earlier, killed process of ours left on this directory."""
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return
        deadline = time.monotonic() + STOP_SECONDS
        while self._is_ours(pid) and time.monotonic() < deadline:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                break
            time.sleep(0.01)
        if self._is_ours(pid):
            raise SetupError(f"Process {pid} holds {self._storage} and does not end.")
        self._pid_file.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        """Whether this process is a server on our own storage, not a stranger with its number."""
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            if Path("/proc/self").exists():
                return False
            command = subprocess.run(  # noqa: S603
                ["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, check=False
            ).stdout
        return str(self._storage).encode() in command


def _dying_with_parent() -> Callable[[], None] | None:
    """What the child does before it becomes the server: asks the kernel to end it with us."""
    if not sys.platform.startswith("linux"):
        return None  # elsewhere the next start ends it, by its process id
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _set_aside(log_file: Path) -> None:
    if log_file.exists() and log_file.stat().st_size > LOG_BYTES:
        log_file.replace(log_file.with_suffix(".log.1"))
