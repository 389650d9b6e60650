"""The data directory: made private, held by one process at a time, home of our secrets."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from pathlib import Path

from core.errors import SetupError

SERVING = "run"  #: how a serving process signs the lock
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
    """A directory of ours. Making one changes nothing yet."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    def prepare(self) -> None:
        """Make it if it is missing. Raises SetupError when we cannot write there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = self.path / f".probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise SetupError(
                f"The data directory {self.path} cannot be written ({error.strerror}); "
                "choose another one with --data-dir or DATA_DIR."
            ) from error

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
