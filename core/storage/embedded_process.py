"""The embedded database's server process: started with us, ended with us, never open."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from core.errors import SetupError
from core.storage.embedded_auth import Credentials

BOOT_SECONDS = 60.0  #: a big store may have to recover its journal first
STOP_SECONDS = 5.0
LOG_BYTES = 10_000_000  #: the child's log is set aside once it is larger
PR_SET_PDEATHSIG = 1


class ServerProcess:
    """One server on one directory; `spawn` on the main thread.

    The kernel ends the child when the thread that made it ends, which is how a killed parent
    leaves no orphan.
    """

    def __init__(self, directory: Path, *, durable: bool) -> None:
        self._storage = directory / "store"
        self._pid_file = directory / "store.pid"
        self._config = directory / "store.toml"
        self._log_file = directory / "logs" / "store.log"
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def begun(self) -> bool:
        """Whether it was spawned and nobody has ended it since; it may have died."""
        return self._process is not None

    def take_port(self) -> None:
        """The next `spawn` listens on another port."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    def spawn(self, credentials: Credentials) -> None:
        """Begin to start it with these credentials and return at once. Raises SetupError."""
        program = Path(sys.executable).with_name("secantusd-py")
        if not program.exists():
            raise SetupError(
                f"The embedded database is not installed ({program} is missing); "
                "run `make run` once, or set MONGODB_URI."
            )
        if not self.port:
            self.take_port()
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        # An empty file of ours keeps the server from finding somebody else's settings.
        self._config.write_text("")
        command = [
            str(program), "--config", str(self._config), "--host", "127.0.0.1",
            "--port", str(self.port), "--storage-path", str(self._storage),
            "--log-level", "WARNING", "--cache-size", "512M", "--standalone", *credentials.flags,
        ]  # fmt: skip
        if self._durable:
            command.append("--sync-on-commit")
        _set_aside(self._log_file)
        with self._log_file.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - every word of it is ours
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                cwd=self._storage.parent, preexec_fn=_dying_with_parent(),
                start_new_session=True,  # Ctrl-C is for us; we end it when we are done
            )  # fmt: skip
        self._pid_file.write_text(str(self._process.pid))

    async def until_ready(self) -> None:
        """Return once it takes connections. Raises SetupError when it ended or does not come."""
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                code = self._process.returncode if self._process else "?"
                raise SetupError(
                    f"The embedded database ended at once (exit {code}); see {self._log_file}."
                )
            if await self._knock():
                return
            await asyncio.sleep(0.02)
        raise SetupError(f"The embedded database does not answer; see {self._log_file}.")

    async def end(self) -> None:
        """End it, gently at first; safe twice and before any start."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            ended = asyncio.create_task(asyncio.to_thread(process.wait, STOP_SECONDS))
            while not ended.done():
                # It waits two seconds for somebody to come before it believes that it is to end.
                await self._knock()
                await asyncio.wait({ended}, timeout=0.05)
            with contextlib.suppress(subprocess.TimeoutExpired):
                await ended
        if process.poll() is None:
            process.kill()
        process.wait()
        self._pid_file.unlink(missing_ok=True)

    async def _knock(self) -> bool:
        """Whether it takes a connection."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    def end_orphan(self) -> None:
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


def _set_aside(log_file: Path) -> None:
    if log_file.exists() and log_file.stat().st_size > LOG_BYTES:
        log_file.replace(log_file.with_suffix(".log.1"))
