"""The data directory: private, locked by one process at a time, home of our secrets."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
import time
from pathlib import Path

from core.errors import SetupError

SERVING = "run"  #: how a serving process signs the lock
PRIVATE = 0o700
PATIENCE = 30.0  #: seconds that a short command's lock is waited for


class Occupied(SetupError):
    """Another process holds the data directory."""

    def __init__(self, path: Path, *, pid: str, purpose: str) -> None:
        self.purpose = purpose
        super().__init__(
            f"Another process ({pid}, `{purpose}`) is using the data directory {path}; "
            "stop it, or choose another one with --data-dir."
        )


class DataDir:
    """The data directory. Constructing it changes nothing on disk."""

    def __init__(self, path: Path, *, shared: Path | None = None) -> None:
        """`shared` is the directory of all processes on this machine, where it is one of many."""
        self.path = path.absolute()
        self.shared = self.path if shared is None else shared.absolute()
        self._lock: int | None = None

    def prepare(self) -> None:
        """Make it if it is missing, and let nobody else in: what is in it is customers' words.

        Raises SetupError when we cannot write there, or it is not ours to close.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
            self._close()
            probe = self.path / f".probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise SetupError(
                f"The data directory {self.path} cannot be written ({error.strerror}); "
                "choose another one with --data-dir or DATA_DIR."
            ) from error

    def _close(self) -> None:
        found = self.path.stat()
        if stat.S_IMODE(found.st_mode) == PRIVATE and found.st_uid == os.geteuid():
            return
        if found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX:
            raise SetupError(
                f"The data directory {self.path} belongs to others, too; it must be ours alone. "
                "Choose another one with --data-dir or DATA_DIR."
            )
        self.path.chmod(PRIVATE)

    def open_parents(self) -> list[Path]:
        """Directories above it in which others may put another one in its place."""
        return [
            parent
            for parent in self.path.resolve().parents
            if parent.stat().st_mode & stat.S_IWOTH and not parent.stat().st_mode & stat.S_ISVTX
        ]

    def hold(self, purpose: str) -> None:
        """Take it for this process, until the process ends or `release`.

        Raises Occupied at once when another process has it.
        """
        self.prepare()
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 200).decode(errors="replace")
            os.close(descriptor)
            pid, _, what = holder.strip().partition(" ")
            raise Occupied(self.path, pid=pid or "?", purpose=what or "?") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {purpose}\n".encode(), 0)
        self._lock = descriptor

    def hold_soon(self, purpose: str, *, patience: float = PATIENCE) -> None:
        """Like `hold`, but waits for a command to end; a serving process is not waited for."""
        deadline = time.monotonic() + patience
        while True:
            try:
                self.hold(purpose)
            except Occupied as occupied:
                if occupied.purpose == SERVING or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def release(self) -> None:
        """Let others have it; safe twice."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def secret_key(self) -> str:
        """The key that signs and encrypts here, made at the first call, readable by us only."""
        path = self.path / "secret.key"
        with contextlib.suppress(FileExistsError):
            write_secret(path, secrets.token_urlsafe(48))
        return path.read_text(encoding="ascii").strip()


def write_secret(path: Path, secret: str) -> None:
    """Write a file that only we may read, whole or not at all.

    Raises FileExistsError when there is one already.
    """
    if path.exists():
        raise FileExistsError(path)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
