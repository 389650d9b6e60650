"""The command line; everything the program is made of is built in app/."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import faulthandler
import gc
import itertools
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.settings import Settings, SettingsError, load_settings, misspelt
from core.cluster.model import Role
from core.cluster.settings import check_role
from core.errors import SetupError
from core.runtime.cli import CenterGroup, Session, TerminalOut, run_cli
from core.runtime.control_socket import Args, ControlServer, call, perform, socket_path
from core.runtime.data_dir import SERVING, DataDir, Occupied
from core.runtime.host.file_descriptors import raise_to_hard_limit
from core.runtime.version import VERSION
from core.storage.embedded import EmbeddedStore

if TYPE_CHECKING:
    from app import App

log = logging.getLogger("bot")

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
STOPPING_SECONDS = 10.0  #: for everything to end by itself; it takes one to three
HANDING_OVER_SECONDS = 30.0  #: for one of many, which may have to wait for a store's election
STARTING_SECONDS = 60.0  #: in which a process that holds the data directory must answer a command

# Python imports for longer than the embedded store boots: so it is launched first, and
# app/, which imports everything, is imported after that.


GROUPS = {
    "analytics": "analytics.cli:analytics",
    "audit": "core.accounts.audit.cli:audit",
    "backup": "core.backup.cli:backup",
    "erase": "core.privacy.cli:erase",
    "export": "core.privacy.cli:export",
    "deliveries": "core.engine.outbound.cli:deliveries",
    "import": "imports.cli:import_",
    "kb": "core.rag.commands.cli:kb",
    "plugins": "plugins.cli:plugins_group",
    "replay": "approvals.autonomy.cli:replay",
    "report": "analytics.cli:report",
    "sources": "plugins.sources.cli:sources_group",
    "users": "core.accounts.cli:users",
}


@click.group(cls=CenterGroup, later=GROUPS)
@click.version_option(VERSION, prog_name="contact-center-os")
def cli() -> None:
    """A contact center that answers from your documents and asks people when it is not sure."""


@cli.command()
@click.option("--host", metavar="H", help="Address to listen on (default: HOST, or 127.0.0.1).")
@click.option("--port", metavar="P", help="Port to listen on (default: PORT, or 8080).")
@click.option(
    "--role",
    type=click.Choice(["all", "web", "worker"]),
    default="all",
    help="What this process does of many that share REDIS_URL: serve, work, or both (`all`).",
)
@click.pass_obj
def run(session: Session, host: str | None, port: str | None, role: str) -> None:
    """Serve: web chat, console, channels and the assistant."""
    settings, role = _settings(session, HOST=host, PORT=port), Role(role)
    check_role(settings, role)
    _log_to_stderr(settings)
    data_dir = _held(settings.server.data_dir, role)
    if role.serves:
        _check_address(settings.server.host, settings.server.port)
    raise_to_hard_limit()
    _on_loop(_serve(settings, data_dir, role))


def _held(path: Path, role: Role) -> DataDir:
    """The data directory; of many processes on a machine, each has the next free one in it."""
    if role is Role.ALL:
        data_dir = DataDir(path)
        data_dir.hold_soon(SERVING)
        return data_dir
    for number in itertools.count(1):
        data_dir = DataDir(path / f"{role.value}-{number}", shared=path)
        try:
            data_dir.hold(SERVING)
        except Occupied:
            continue
        return data_dir
    raise AssertionError("there is always a next number")


@cli.command(name="doctor")
@click.pass_obj
def doctor(session: Session) -> None:
    """Check every setting and connection, one line each, with the remedy."""
    session.ask("doctor")


@cli.command(name="restore")
@click.argument("file", metavar="FILE", type=FILE)
@click.pass_obj
def restore(session: Session, file: Path) -> int:
    """Put a backup into an empty data directory (and an empty database, with MONGODB_URI)."""
    settings = _settings(session)
    data_dir = DataDir(settings.server.data_dir)
    from core.backup.load import refuse_unless_empty

    refuse_unless_empty(data_dir.path)
    data_dir.hold("restore")
    return _on_loop(_restore(settings, data_dir, file))


@cli.command(name="upgrade")
@click.option("--dry-run", is_flag=True, help="Only say what will change.")
@click.pass_obj
def upgrade(session: Session, dry_run: bool) -> int:  # noqa: FBT001
    """Bring what an older release has stored into the form that this one reads."""
    settings = _settings(session)
    data_dir = DataDir(settings.server.data_dir)
    data_dir.hold_soon("upgrade")
    return _on_loop(_upgrade(settings, data_dir, dry_run=dry_run))


async def _upgrade(settings: Settings, data_dir: DataDir, *, dry_run: bool) -> int:
    from app.upgrading import upgrade

    return await upgrade(
        settings,
        launch=lambda: _launched(settings, data_dir),
        dry_run=dry_run,
        out=TerminalOut(),
    )


async def _restore(settings: Settings, data_dir: DataDir, file: Path) -> int:
    from app.restoring import restore

    return await restore(
        settings, data_dir, file, launch=lambda: _launched(settings, data_dir), out=TerminalOut()
    )


@cli.command(name="members")
@click.pass_obj
def members(session: Session) -> None:
    """List the processes of this installation and what each of them holds."""
    session.ask("members")


@cli.group(cls=CenterGroup)
def store() -> None:
    """The embedded database itself."""


@store.command(name="remove-strangers")
@click.pass_obj
def remove_strangers(session: Session) -> None:
    """Remove users of the embedded database that are not ours."""
    settings = _settings(session)
    data_dir = DataDir(settings.server.data_dir)
    data_dir.hold_soon("store remove-strangers")
    found = _launched(settings, data_dir)
    if found is None:
        raise SetupError("MONGODB_URI is set: that database's users are yours to remove.")
    _on_loop(_remove_strangers(found))


async def _remove_strangers(embedded: EmbeddedStore) -> int:
    try:
        await embedded.boot()
        for stranger in await embedded.strangers(remove=True):
            click.echo(f"removed {stranger}")
    finally:
        await embedded.stop()
    return 0


@cli.command(name="eval")
@click.option("--kb", "kb_file", required=True, type=FILE, help="The knowledge, as JSONL.")
@click.option("--queries", required=True, type=FILE, help="Labelled questions, as JSONL.")
@click.option("--examples", type=FILE, help="Questions known to be answered by an article.")
@click.option("--calibrate", type=FILE, help="Another labelled set, to fit the confidence on.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def evaluate(
    session: Session,
    kb_file: Path,
    queries: Path,
    examples: Path | None,
    calibrate: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Measure retrieval and answer-or-ask on a labelled set, in a throw-away index."""
    settings, out = _settings(session), TerminalOut()
    from core.rag.commands import evaluation

    async def measure() -> int:
        figures = await evaluation.evaluate(
            kb=kb_file,
            queries=queries,
            examples=examples,
            calibrate=calibrate,
            target=settings.approvals.auto_send_target_precision,
            embedding_model=settings.vectors.embedding_model or "",
            progress=lambda done, total: out.progress(done, total, "embedding"),
        )
        if as_json:
            out.line(json.dumps(figures))
        else:
            width = max(map(len, figures))
            for name, value in figures.items():
                out.line(f"{name:{width}}  {value:g}")
        return 0

    _on_loop(measure())


def _check_address(host: str, port: int) -> None:
    """Whoever cannot listen should hear it now, not after everything has started."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        # Anything else, as a family this machine does not have, is not the last word.
        if isinstance(error, socket.gaierror) or error.errno in (errno.EADDRINUSE, errno.EACCES):
            why = str(error.strerror).lower()
            raise SetupError(f"Cannot listen on {host}:{port}: {why}.") from error


async def _serve(settings: Settings, data_dir: DataDir, role: Role) -> int:
    store = _launched(settings, data_dir)
    from app import serving
    from core.runtime.host.watchdog import LoopWatchdog

    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    refused: list[SetupError] = []

    def end() -> None:
        if not stopped.is_set():
            alone = settings.store.redis_url is None
            _end_anyway(after=STOPPING_SECONDS if alone else HANDING_OVER_SECONDS)
            loop.call_soon_threadsafe(stopped.set)

    def stop(number: int, frame: object) -> None:
        # Python's own handler, not the loop's: it runs though the loop may be held up.
        del number, frame
        end()

    def refuse(error: SetupError) -> None:
        refused.append(error)
        end()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    for name, meant in misspelt(settings.variables):
        log.warning("%s is no setting and does nothing; %s is one", name, meant)
    async with serving(settings, data_dir, store=store, role=role) as app:
        app.core.node.on_refused(refuse)
        watchdog = LoopWatchdog(app.core.registry)
        watchdog.start()
        await _welcome(app)
        # What is loaded now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        await stopped.wait()
        log.info("stopping")
    watchdog.stop()
    if refused:
        raise refused[0]
    return 0


def _end_anyway(*, after: float) -> None:
    """End the process after so long whatever hangs: all that was accepted is on disk already."""

    def end() -> None:
        log.error("something refuses to stop; where each thread stands follows, and we end")
        faulthandler.dump_traceback(file=sys.stderr)
        os._exit(0)

    watch = threading.Timer(after, end)
    watch.daemon = True
    watch.start()


async def _welcome(app: App) -> None:
    from core.accounts.service import OPERATOR

    if not app.role.serves or any(one.role.serves for one in app.core.node.others()):
        click.echo(f"Member:   {app.core.node.membership.id}")
        sys.stdout.flush()
        return
    admin = await app.core.accounts.first_admin()
    link = await app.core.accounts.issue_link(admin, actor=OPERATOR)
    click.echo(f"Chat:     {app.core.site.url()}/")
    click.echo(f"Console:  {app.core.site.url()}/console")
    click.echo(f"Sign in:  {app.core.site.url()}/login/link/{link}  (once, as {admin.email})")
    sys.stdout.flush()


def _perform(session: Session, command: str, args: Args) -> int:
    return _on_loop(_perform_somewhere(_settings(session), command, args))


async def _perform_somewhere(settings: Settings, command: str, args: Args) -> int:
    """Have it done by whoever holds the data directory, which may be ourselves."""
    data_dir, out = DataDir(settings.server.data_dir), TerminalOut()
    path, loop = socket_path(data_dir.path), asyncio.get_running_loop()
    deadline = loop.time() + STARTING_SECONDS
    while (code := await call(path, command, args, out=out)) is None:
        with contextlib.suppress(Occupied):
            data_dir.hold(command)
            break
        if loop.time() > deadline:
            data_dir.hold(command)
        # It is starting or ending: soon it answers, or its lock is free.
        await asyncio.sleep(0.1)
    if code is not None:
        return code
    store = _launched(settings, data_dir)
    from app import opened

    async with opened(settings, data_dir, store=store) as app:
        commands = app.commands()
        control = ControlServer(commands, path=path)
        await control.start()
        try:
            return await perform(commands[command], args, out)
        finally:
            await control.finish()


def _launched(settings: Settings, data_dir: DataDir) -> EmbeddedStore | None:
    if settings.store.mongodb_uri:
        return None
    store = EmbeddedStore(data_dir.path)
    store.launch()
    return store


def _on_loop(work: Coroutine[Any, Any, int]) -> int:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _settings(session: Session, **flags: str | None) -> Settings:
    try:
        return load_settings(flags={"DATA_DIR": session.data_dir, **flags})
    except SettingsError as error:
        raise SetupError(str(error)) from error


def _log_to_stderr(settings: Settings) -> None:
    from core.runtime.logs.format import formatter
    from core.runtime.logs.masking import MaskedLog

    logging.basicConfig(level=settings.server.log_level.upper())
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter(settings.server.log_format))
        handler.addFilter(MaskedLog())
    for chatty in ("apscheduler", "pymongo", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def main() -> None:
    """The program."""
    # What we write, and what the database's server writes for us, is nobody else's to read.
    os.umask(0o077)
    sys.exit(run_cli(cli, Session(_perform)))


if __name__ == "__main__":
    main()
