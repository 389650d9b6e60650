"""The command line; what the program is made of stands in composition/."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import faulthandler
import gc
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

from config.settings import Settings, SettingsError, load_settings
from core.control import Args, ControlServer, call, perform, socket_path
from core.data_dir import SERVING, DataDir, Occupied
from core.errors import SetupError
from core.storage.embedded import EmbeddedStore
from core.terminal import CenterGroup, Session, TerminalOut, run_cli
from core.version import VERSION

if TYPE_CHECKING:
    from composition import Center

log = logging.getLogger("bot")

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
STOPPING_SECONDS = 10.0  #: for everything to end by itself; it takes one to three
STARTING_SECONDS = 60.0  #: in which a process that holds the data directory must answer a command

# Python imports for longer than the embedded store boots: so it is launched first, and
# composition/, which imports everything, is imported after that.


GROUPS = {
    "analytics": "analytics.cli:analytics",
    "audit": "core.accounts.audit_cli:audit",
    "erase": "core.privacy.cli:erase",
    "export": "core.privacy.cli:export",
    "deliveries": "core.deliveries_cli:deliveries",
    "kb": "core.rag.cli:kb",
    "plugins": "plugins.cli:plugins_group",
    "replay": "approvals.trust.cli:replay",
    "report": "analytics.cli:report",
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
    help="What this process does; only `all` is supported yet.",
)
@click.pass_obj
def run(session: Session, host: str | None, port: str | None, role: str) -> None:
    """Serve: web chat, console, channels and the assistant."""
    settings = _settings(session, HOST=host, PORT=port)
    if role != "all" or settings.store.redis_url:
        raise SetupError(
            "Many processes over Redis are not supported yet; unset REDIS_URL and use --role all."
        )
    _log_to_stderr(settings)
    data_dir = DataDir(settings.server.data_dir)
    data_dir.hold_soon(SERVING)
    _check_address(settings.server.host, settings.server.port)
    _on_loop(_serve(settings, data_dir))


@cli.command(name="doctor")
@click.pass_obj
def doctor(session: Session) -> None:
    """Check every setting and connection, one line each, with the remedy."""
    session.ask("doctor")


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
    from core.rag import evaluation

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


async def _serve(settings: Settings, data_dir: DataDir) -> int:
    store = _launched(settings, data_dir)
    from composition import serving

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(settings, data_dir, store=store) as live:
        await _welcome(live.center)
        # What is loaded now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        await stopped.wait()
        log.info("stopping")
        _end_anyway(after=STOPPING_SECONDS)
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


async def _welcome(center: Center) -> None:
    from core.accounts.service import OPERATOR

    admin = await center.accounts.first_admin()
    link = await center.accounts.issue_link(admin, actor=OPERATOR)
    click.echo(f"Chat:     {center.base_url}/")
    click.echo(f"Console:  {center.base_url}/console")
    click.echo(f"Sign in:  {center.base_url}/login/link/{link}  (once, as {admin.email})")
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
    from composition import opened

    async with opened(settings, data_dir, store=store) as center:
        commands = center.commands()
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
    logging.basicConfig(
        level=settings.server.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    from core.log_masking import MaskedLog

    for handler in logging.getLogger().handlers:
        handler.addFilter(MaskedLog())
    for chatty in ("apscheduler", "pymongo", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def main() -> None:
    """The program."""
    sys.exit(run_cli(cli, Session(_perform)))


if __name__ == "__main__":
    main()
