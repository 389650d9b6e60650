"""The embedded store: SecantusDB as a child process."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from core.errors import SetupError, StoreUnavailable
from core.runtime import tasks
from core.runtime.backoff import Backoff
from core.runtime.data_dir import write_secret
from core.storage import rewrite
from core.storage.embedded_auth import (
    Credentials,
    by_certificate,
    by_password,
    make_user,
    strangers,
)
from core.storage.embedded_process import ServerProcess

log = logging.getLogger(__name__)

BACKOFF = Backoff(0.5, 30.0)  #: after failed starts; the first start is tried at once
DOORS = 3  #: tries to make the user: who stands in one door does not find the next


class EmbeddedStore:
    """Runs the database server below a directory of ours.

    `launch` and `start` must be called on the main thread (`ServerProcess`).
    """

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self._directory = directory
        self._secret = directory / "store.password"
        self._durable = durable
        self._server = ServerProcess(directory, durable=durable)
        self._watch: asyncio.Task[None] | None = None
        self._rewriting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._server.pid

    @property
    def uri(self) -> str:
        """How to connect; secret, because it holds the password."""
        return self._credentials().uri(self._server.port)

    def launch(self) -> None:
        """Begin to start the server and return at once; `start` then waits for it.

        Raises SetupError when it cannot be run or another one holds the directory.
        """
        self._server.end_orphan()
        rewrite.settle(self._directory)
        self._server.take_port()
        if self._secret.exists():
            self._server.spawn(self._credentials())

    async def start(self) -> None:
        """Return once the server answers; from then on it is restarted whenever it dies.

        Raises SetupError, too, when it has users that are not ours: somebody was in it.
        """
        await self.boot()
        if found := await self.strangers():
            raise SetupError(
                f"The embedded database has users that are not ours: {', '.join(found)}. Somebody "
                "was in it and may have read or changed everything. Restore a backup, or remove "
                "them by `bot.py store remove-strangers`."
            )
        self._watch = asyncio.create_task(self._restart_when_dead(), name="embedded-store")

    async def boot(self) -> None:
        """Return once the server answers; nobody watches over it yet."""
        if not self._server.begun:
            self.launch()
        if not self._secret.exists():
            await self._provision()
        await self._server.until_ready()

    async def strangers(self, *, remove: bool = False) -> list[str]:
        """The users of the server that are not ours, as "name (database)"; `remove` ends them."""
        return await strangers(self.uri, remove=remove)

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
            directory = rewrite.begin(self._directory)
            fresh = ServerProcess(directory, durable=False)
            try:
                await _take_user(directory, self._password())
                await self._fill(fresh, progress)
            finally:
                await fresh.end()
                rewrite.settle(self._directory)

    async def _fill(self, fresh: ServerProcess, progress: Callable[[int], None] | None) -> None:
        credentials = self._credentials()
        fresh.spawn(credentials)
        await fresh.until_ready()
        here = credentials.uri(fresh.port)
        ahead = await rewrite.copy_ahead(self.uri, here, progress=progress)
        watched = await self._unwatch()
        await self._server.end()
        # On another port, so that nobody of ours writes into what is about to go.
        source = ServerProcess(self._directory, durable=False)
        try:
            try:
                source.spawn(credentials)
                await source.until_ready()
                await rewrite.copy(
                    credentials.uri(source.port), here, ahead=ahead, progress=progress
                )
            finally:
                await asyncio.gather(source.end(), fresh.end())
            rewrite.swap(self._directory)
        finally:
            self._server.spawn(credentials)
            if watched:  # before we wait: should it not come, it is tried again
                self._watch = asyncio.create_task(self._restart_when_dead(), name="embedded-store")
            await self._server.until_ready()

    async def stop(self) -> None:
        """Stop the server, gently at first; safe twice and after a failed start."""
        await self._unwatch()
        await self._server.end()

    def _credentials(self) -> Credentials:
        return by_password(self._password())

    def _password(self) -> str:
        return self._secret.read_text().strip()

    async def _provision(self) -> None:
        # The password is written down last, so a crash before that starts over.
        password = secrets.token_urlsafe(32)
        await _take_user(self._directory, password)
        write_secret(self._secret, password)
        self._server.spawn(self._credentials())

    async def _unwatch(self) -> bool:
        watch, self._watch = self._watch, None
        if watch is None:
            return False
        await tasks.end(watch)
        return True

    async def _restart_when_dead(self) -> None:
        failures = 0
        while True:
            await asyncio.sleep(0.1)
            if self._server.pid is not None:
                continue
            log.error("the embedded database ended by itself; starting it again")
            began = time.monotonic()
            try:
                await asyncio.sleep(BACKOFF.after(failures))
                self._server.spawn(self._credentials())
                await self._server.until_ready()
                log.info("the embedded database is back after %.1f s", time.monotonic() - began)
                failures = 0
            except (SetupError, OSError) as error:
                failures += 1
                pause = BACKOFF.after(failures)
                log.error("it did not start (%s); next try in %.1f s", error, pause)


async def _take_user(directory: Path, password: str) -> None:
    """The server on this directory, which does not run, has its user. Raises SetupError."""
    folder = directory / "store.door"
    try:
        for attempt in range(1, DOORS + 1):
            server, credentials = ServerProcess(directory, durable=False), by_certificate(folder)
            server.spawn(credentials)
            try:
                await server.until_ready()
                await make_user(credentials.uri(server.port), password)
            except SetupError:
                if attempt == DOORS or server.pid is None:
                    raise
                log.warning("somebody stands in the embedded database's door; taking another")
            else:
                return
            finally:
                await server.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
