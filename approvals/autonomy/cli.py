"""`replay` on the command line."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.runtime.cli import CenterCommand, Session
from core.runtime.control_socket import Args, Command, Out

if TYPE_CHECKING:
    from approvals.autonomy.replay import Replayed

Progress = Callable[[int, int], None]
Replay = Callable[[str, float | None, Path | None, str, Progress], Awaitable["Replayed"]]
"""Takes since, threshold, prompt and model."""

LINE = 160  #: characters of a question or an answer


@click.command(cls=CenterCommand)
@click.option("--since", required=True, metavar="D", help="7d, 12h, or a date: 2026-11-15.")
@click.option("--threshold", type=click.FloatRange(0, 1), metavar="T", help="Another threshold.")
@click.option(
    "--prompt",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path),
    metavar="FILE",
    help="Another prompt.",
)
@click.option("--model", default="", metavar="M", help="Another model: provider:model.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def replay(
    session: Session,
    since: str,
    threshold: float | None,
    prompt: Path | None,
    model: str,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Ask last week's questions again, against a change; no customer hears of it."""
    session.ask(
        "replay",
        since=since,
        threshold=threshold,
        prompt=str(prompt or ""),
        model=model,
        json=as_json,
    )


def commands(run: Replay) -> Mapping[str, Command]:
    """What this does."""

    async def again(args: Args, out: Out) -> int:
        found = await run(
            args["since"],
            args["threshold"],
            Path(args["prompt"]) if args["prompt"] else None,
            args["model"],
            lambda done, total: out.progress(done, total, "asking"),
        )
        if args["json"]:
            out.line(json.dumps(_plain(found), ensure_ascii=False))
            return 0
        if not found.questions:
            out.note("Nobody asked anything since then.")
            return 0
        out.line(f"{found.questions} questions, {found.different} would be answered otherwise")
        out.line(
            f"alone: {found.alone_before} then, {found.alone_after} now; "
            f"{found.more_reviews:+d} reviews"
        )
        out.line(
            f"expected error of what goes out alone: {found.expected_error:.1%}; "
            f"{found.rejected_alone} of it was rejected by a person then"
        )
        for one in found.differences:
            out.line(f"- {_short(one.question)}")
            out.line(f"    then: {_short(one.before) or '(nothing)'}")
            out.line(f"    now:  {_short(one.after) or '(nothing)'}")
        return 0

    return {"replay": again}


def _plain(found: Replayed) -> Mapping[str, object]:
    return {
        "questions": found.questions,
        "different": found.different,
        "alone_before": found.alone_before,
        "alone_after": found.alone_after,
        "more_reviews": found.more_reviews,
        "expected_error": round(found.expected_error, 4),
        "rejected_alone": found.rejected_alone,
        "differences": [
            {"question": d.question, "before": d.before, "after": d.after, "decision": d.decision}
            for d in found.differences
        ],
    }


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LINE else text[: LINE - 1] + "…"
