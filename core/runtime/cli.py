"""The terminal's side of a command: shared options, output, progress, exit codes."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from core.errors import ContactCenterError
from core.runtime.control_socket import FAILED, Args

log = logging.getLogger(__name__)

FRAMES = 4  #: places that an unforeseen error is told with


class Session:
    """One invocation of the program: its data directory, and who carries the command out."""

    def __init__(self, perform: Callable[[Session, str, Args], int]) -> None:
        self._perform = perform
        self.data_dir: str | None = None

    def ask(self, command: str, **args: Any) -> None:
        """Have the command done and leave with its exit code."""
        code = self._perform(self, command, args)
        if code:
            raise click.exceptions.Exit(code)


class CenterCommand(click.Command):
    """A command of ours: takes --data-dir, wherever it stands."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["--data-dir"],
                metavar="D",
                expose_value=False,
                callback=_remember_data_dir,
                help="Where everything is kept (default: DATA_DIR, or ./data).",
            )
        )


class CenterGroup(click.Group):
    """A group of such commands; groups given as "module:name" are imported when asked for."""

    command_class = CenterCommand
    group_class = type

    def __init__(self, *args: Any, later: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._later = dict(later or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Also those that are not imported yet."""
        return sorted({*super().list_commands(ctx), *self._later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now if need be."""
        where = self._later.get(cmd_name)
        if where is None:
            return super().get_command(ctx, cmd_name)
        module, _, name = where.partition(":")
        found: click.Command = getattr(importlib.import_module(module), name)
        return found


def not_blank(_context: click.Context, argument: click.Parameter, value: str) -> str:
    """A callback for an argument that must say something: an empty one is a script's mistake."""
    if not value.strip():
        raise click.UsageError(f"{argument.make_metavar(_context)} is empty.")
    return value


def _remember_data_dir(context: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.find_root().ensure_object(Session).data_dir = str(Path(value).absolute())


class SeenEnough(Exception):
    """The reader of our output has gone, as `head` does; the serving process has not."""


class TerminalOut:
    """`Out` on this terminal: results on stdout, everything else on stderr."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def line(self, text: str = "") -> None:
        """A line of the result."""
        self._clear()
        try:
            click.echo(text)
        except BrokenPipeError as error:
            raise SeenEnough from error

    def note(self, text: str) -> None:
        """A remark on stderr."""
        self._clear()
        click.echo(text, err=True)

    def progress(self, done: int, total: int, label: str = "") -> None:
        """A bar that disappears when the work is done."""
        if self._bar is None or self._bar.total != total or done < self._bar.n:
            self._clear()
            self._bar = tqdm(total=total, file=sys.stderr, leave=False, unit="")
        self._bar.set_description_str(label, refresh=False)
        self._bar.update(done - self._bar.n)
        if done >= total:
            self._clear()

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def run_cli(group: click.Group, session: Session) -> int:
    """Run the command line; every error is one line on stderr, and exit code 2."""
    try:
        code = group.main(standalone_mode=False, obj=session)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        click.echo(help_wanted.format_message(), err=True)
        return FAILED
    except click.ClickException as error:
        click.echo(f"Error: {' '.join(error.format_message().split())}", err=True)
        return FAILED
    except ContactCenterError as error:
        click.echo(f"Error: {' '.join(error.detail.split())}", err=True)
        return FAILED
    except click.Abort:
        return 130
    except (BrokenPipeError, SeenEnough):
        # Whoever read our output has seen enough, and Python's own last flush need not say so.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        log.debug("unforeseen", exc_info=True)
        what = " ".join(f"{type(error).__name__}: {error}".split())
        where = _where(error)
        click.echo(f"Error: unforeseen, {what} ({where}; LOG_LEVEL=debug says more)", err=True)
        return FAILED
    return code if isinstance(code, int) else 0


def _where(error: BaseException) -> str:
    """Its innermost places: what happens once a month has to be known from one line."""
    frames = reversed(traceback.extract_tb(error.__traceback__)[-FRAMES:])
    return " < ".join(f"{'/'.join(Path(f.filename).parts[-2:])}:{f.lineno}" for f in frames)
