"""`analytics …` and `report` on the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import click

from core.control import Args, Command, Out
from core.terminal import CenterCommand, CenterGroup, Session


@click.group(cls=CenterGroup)
def analytics() -> None:
    """The numbers behind the dashboard and the reports."""


@analytics.command()
@click.pass_obj
def rebuild(session: Session) -> None:
    """Make all facts again from the log of events; the numbers stay the same."""
    session.ask("analytics.rebuild")


@click.command(cls=CenterCommand)
@click.option("--date", "day", default="", metavar="D", help="YYYY-MM-DD (default: yesterday).")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, resolve_path=True, path_type=Path),
    help="FILE.html, .png, .json or .csv; without it the report is printed.",
)
@click.option("--lang", type=click.Choice(["en", "ko"]), default="en", show_default=True)
@click.pass_obj
def report(session: Session, day: str, out: Path | None, lang: str) -> None:
    """The daily report of any day."""
    if out is not None and out.suffix.lower() not in FORMATS:
        raise click.UsageError("--out FILE ends in .html, .png, .json or .csv.")
    session.ask("report", date=day, out=str(out or ""), lang=lang)


FORMATS = (".html", ".png", ".json", ".csv")


def commands(
    *,
    make_again: Callable[[Callable[[int, int], None]], Awaitable[tuple[int, int]]],
) -> Mapping[str, Command]:
    """What these do."""

    async def rebuild_facts(_args: Args, out: Out) -> int:
        conversations, facts = await make_again(
            lambda done, total: out.progress(done, total, "conversations")
        )
        out.line(f"{facts} facts of {conversations} conversations.")
        return 0

    return {"analytics.rebuild": rebuild_facts}
