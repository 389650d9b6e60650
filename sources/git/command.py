"""Runs the program git: no shell, no configuration but ours, no question, and an end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS = 600.0  #: for one command
LARGEST_FILE = 2_000_000_000  #: bytes of one file that git writes


class GitFailed(Exception):
    """The command failed; `str` is git's last sentence."""


class Git:
    """Git in one repository."""

    def __init__(
        self, folder: Path, *, config: Mapping[str, str], protocols: Sequence[str]
    ) -> None:
        """`config` is given in the environment, where other users of the machine do not see it."""
        self._folder = folder
        settings = {
            "http.followRedirects": "false",  # whoever answers must be who was asked
            "http.lowSpeedLimit": "1000",
            "http.lowSpeedTime": "60",
            "core.hooksPath": os.devnull,
            "core.fsmonitor": "false",
            "protocol.allow": "user",
            "fetch.fsckObjects": "true",
            **config,
        }
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "LC_ALL": "C",
            "GIT_DIR": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_ALLOW_PROTOCOL": ":".join(protocols),
            "GIT_CONFIG_COUNT": str(len(settings)),
            **{f"GIT_CONFIG_KEY_{n}": key for n, key in enumerate(settings)},
            **{f"GIT_CONFIG_VALUE_{n}": value for n, value in enumerate(settings.values())},
        }

    async def run(self, *arguments: str) -> bytes:
        """What it prints. Raises GitFailed; a cancelled command is killed with its children."""
        try:
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - not a shell; it is waited for aside
                ["git", *arguments],  # noqa: S607 - the operator's own git
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise GitFailed("the program git is not installed") from error
        _bound(process.pid)
        waiting = asyncio.get_running_loop().run_in_executor(None, process.communicate)
        try:
            async with asyncio.timeout(SECONDS):
                out, err = await asyncio.shield(waiting)
        except TimeoutError as error:
            raise GitFailed(f"git takes longer than {SECONDS:.0f} s") from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if process.returncode:
            raise GitFailed(_said(err))
        return out


def _bound(pid: int) -> None:
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import resource

        resource.prlimit(pid, resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))


def _said(err: bytes) -> str:
    lines = [line.strip() for line in err.decode("utf-8", "replace").splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))] or lines
    return (told[-1] if told else "git failed")[:300]
