"""A mixed day, faster and faster until something gives way: `python -m bench.load_test`.

Customers write on four channels, some questions need a person; agents decide and take over, a
supervisor keeps the dashboard open. The rate rises step by step. A step holds when nothing was
refused, messages are acknowledged within a quarter of a second and answered within five (p95). The
last step that holds is the knee; the table says what each step cost and what was used up after it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bench.load_table import Line, table, write
from tests.support.process import Program
from tests.support.servers.vendors import MEDIA, Medium, admin_of, program_with, vendors_up
from tests.support.slow_models import FAQ, teach

RATES = (2, 4, 8, 12, 16, 24, 32, 48, 64)
SHARES: Mapping[str, float] = {"web": 0.5, "telegram": 0.3, "slack": 0.15, "sms": 0.05}
UNKNOWN = 0.1  #: share of questions that nobody has written an answer to
ACKNOWLEDGED = 0.25  #: seconds, p95
ANSWERED = 5.0  #: seconds, p95
TOKEN = "load-test-of-twenty-letters"
SETTINGS = {
    "METRICS_TOKEN": TOKEN,
    "CONVERSATIONS_PER_ADDRESS": "1000000",
    "DRAFTS_PER_ADDRESS": "100000",
    "DRAFTS_AT_ONCE": "100000",
    "LOG_LEVEL": "warning",
}
_BUCKET = re.compile(r'contact_center_stage_seconds_bucket\{le="([^"]+)",stage="(\w+)"\} (\S+)')
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Step:
    """What one rate showed."""

    rate: float
    seconds: float = 0.0
    accepted: int = 0
    refused: int = 0
    acknowledged: list[float] = field(default_factory=list)  #: seconds, web and vendors
    answered: list[float] = field(default_factory=list)  #: seconds from question to answer, web
    unanswered: int = 0  #: of those within their time
    decided: int = 0
    stages: dict[str, float] = field(default_factory=dict)  #: p95 in seconds, by the program itself
    cores: dict[str, float] = field(default_factory=dict)  #: used, by who used them

    @property
    def holds(self) -> bool:
        """Whether everybody was served in time."""
        return (
            not self.refused
            and not self.unanswered
            and p95(self.acknowledged) <= ACKNOWLEDGED
            and p95(self.answered) <= ANSWERED
        )

    def line(self) -> Line:
        """This step in the table."""
        return Line(
            rate=self.rate,
            accepted=self.accepted / self.seconds,
            refused=self.refused,
            late=self.unanswered,
            acknowledged=p95(self.acknowledged) * 1000,
            answered=p95(self.answered) * 1000,
            stages=self.stages,
            cores=self.cores,
            holds=self.holds,
        )

    def used_up(self) -> str:
        """What was at its end, as far as it can be told from outside."""
        used = {name: cores for name, cores in self.cores.items() if cores >= 0.9}
        machine = self.cores.get("machine", 0.0) / (os.cpu_count() or 1)
        if machine >= 0.95 and not used.keys() - {"machine"}:
            return "the machine: others use it, too"
        names = {"program": "one core of the program", "store": "the embedded database's core"}
        found = [names[name] for name in used if name in names]
        return " and ".join(found) or "none of program, store and machine: look at the stages"


def p95(values: Sequence[float]) -> float:
    """Nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] if ordered else 0.0


class Day:
    """Everybody who takes part."""

    def __init__(
        self, program: Program, http: aiohttp.ClientSession, media: Sequence[Medium], seed: int
    ) -> None:
        self._program = program
        self._http = http
        self._media = {medium.name: medium for medium in media}
        self._chance = random.Random(seed)
        self._customer = 5_000_000
        self.step = Step(rate=0.0)

    async def customer(self) -> None:
        """One customer with one question, on a channel by chance."""
        step, begun = self.step, time.perf_counter()
        channel = self._chance.choices(list(SHARES), list(SHARES.values()))[0]
        known = self._chance.random() >= UNKNOWN
        text = self._chance.choice(list(FAQ)) if known else "Do you paint wooden canoes by hand?"
        self._customer += 1
        try:
            if channel == "web":
                await self._on_the_web(step, text, begun, known=known)
                return
            medium = self._media[channel]
            status = await medium.deliver(medium.event(text, customer=self._customer))
            self._count(step, begun, ok=status < 300)
        except (aiohttp.ClientError, TimeoutError, OSError):
            step.refused += 1

    def _count(self, step: Step, begun: float, *, ok: bool) -> None:
        step.acknowledged.append(time.perf_counter() - begun)
        step.accepted += ok
        step.refused += not ok

    async def _on_the_web(self, step: Step, text: str, begun: float, *, known: bool) -> None:
        async with self._http.post("/api/conversations", json={"text": text}) as answer:
            opened = await answer.json()
            self._count(step, begun, ok=answer.status == 201)
            if answer.status != 201:
                return
        bearer = {"Authorization": f"Bearer {opened['token']}"}
        url = f"/api/conversations/{opened['id']}/events"
        try:
            async with asyncio.timeout(ANSWERED * 2), self._http.get(url, headers=bearer) as stream:
                async for line in stream.content:
                    # What waits for a person is answered by a notice, which is an answer, too.
                    if line.startswith(b"data:") and re.search(rb'"author":"(ai|system)"', line):
                        step.answered.append(time.perf_counter() - begun)
                        return
        except TimeoutError:
            step.unanswered += known

    async def agent(self, admin: aiohttp.ClientSession) -> None:
        """Somebody who decides, and now and then takes over, answers and hands back."""
        while True:
            await asyncio.sleep(1.0)
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with admin.get("/api/approvals/pending") as answer:
                    items = (await answer.json())["items"]
                for item in items[:3]:
                    act = self._chance.choice(["approve", "edit", "reject", "take_over"])
                    body = {"decision": act, "version": item["version"], "text": "We do not."}
                    path = f"/api/approvals/{item['id']}/decision"
                    async with admin.post(path, json=body) as answer:
                        self.step.decided += answer.status == 200
                    if act == "take_over":
                        where = f"/api/conversations/{item['conversation_id']}"
                        await (await admin.post(f"{where}/reply", json={"text": "Hello."})).read()
                        await (await admin.post(f"{where}/hand_back", json={})).read()

    async def supervisor(self, admin: aiohttp.ClientSession) -> None:
        """Somebody who has the dashboard open."""
        while True:
            for path in ("/api/dashboard/summary", "/console/dashboard", "/console/approvals"):
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    await (await admin.get(path)).read()
            await asyncio.sleep(5.0)


async def one_step(day: Day, rate: float, seconds: float, program: Program) -> Step:
    """This many customers a second for so long, whether or not the earlier ones are served."""
    step = day.step = Step(rate=rate)
    before, used, begun = await _stages(program), _cpu(program), time.perf_counter()
    tasks = set()
    for n in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, begun + n / rate - time.perf_counter()))
        tasks.add(task := asyncio.create_task(day.customer()))
        task.add_done_callback(tasks.discard)
    step.seconds = time.perf_counter() - begun
    step.cores = {name: (_cpu(program)[name] - used[name]) / step.seconds for name in used}
    await asyncio.gather(*tasks)
    step.stages = _p95_between(before, await _stages(program))
    return step


async def _stages(program: Program) -> dict[tuple[str, float], float]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        aiohttp.ClientSession(program.url, headers=headers) as http,
        http.get("/metrics") as answer,
    ):
        text = await answer.text()
    return {(stage, float(le)): float(count) for le, stage, count in _BUCKET.findall(text)}


def _p95_between(
    before: Mapping[tuple[str, float], float], after: Mapping[tuple[str, float], float]
) -> dict[str, float]:
    found: dict[str, float] = {}
    for stage in sorted({stage for stage, _ in after}):
        grown = sorted(
            (le, n - before.get((s, le), 0.0)) for (s, le), n in after.items() if s == stage
        )
        total = grown[-1][1]
        if total:
            found[stage] = next(le for le, n in grown if n >= 0.95 * total)
    return found


def _cpu(program: Program) -> dict[str, float]:
    """Seconds of processor time so far."""
    store = int((program.data_dir / "store.pid").read_text())
    with Path("/proc/stat").open() as file:
        busy = [int(word) for word in file.readline().split()[1:8]]
    idle = busy[3] + busy[4]
    return {
        "program": _cpu_of(program.pid),
        "store": _cpu_of(store),
        "machine": (sum(busy) - idle) / TICK,
    }


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _row(step: Step) -> str:
    stages = "  ".join(
        f"{step.stages.get(s, 0) * 1000:7.0f}" for s in ("accept", "retrieve", "answer", "deliver")
    )
    cores = "  ".join(f"{step.cores[name]:7.2f}" for name in ("program", "store", "machine"))
    return (
        f"{step.rate:6.0f}  {step.accepted / step.seconds:8.1f}  {step.refused:7}  "
        f"{p95(step.acknowledged) * 1000:7.0f}  {p95(step.answered) * 1000:8.0f}  "
        f"{step.unanswered:4}  {step.decided:4}  {stages}  {cores}"
        f"  {'' if step.holds else 'gives way'}"
    )


async def main(rates: Sequence[float], seconds: float, to: Path | None, *, as_json: bool) -> int:
    """The ramp; 1 where not even the first step holds. The table is written into `to`."""
    steps: list[Step] = []
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        async with (
            vendors_up() as vendors,
            program_with(vendors, Path(folder), **SETTINGS) as program,
        ):
            await program.start()
            await teach(program, Path(folder))
            admin = await admin_of(program)
            connector = aiohttp.TCPConnector(limit=0)
            async with admin, aiohttp.ClientSession(program.url, connector=connector) as http:
                day = Day(program, http, [one(vendors, program) for one in MEDIA], seed=1)
                beside = [
                    asyncio.create_task(day.agent(admin)),
                    asyncio.create_task(day.supervisor(admin)),
                ]
                await one_step(day, 1.0, 5.0, program)  # everything is loaded now
                print(
                    "  rate  accepted  refused  ack p95  answ p95   not  dec.   accept  retrieve"
                    "   answer  deliver  program    store  machine\n"
                    "   1/s       1/s        n       ms        ms     n     n"
                    "   p95, ms, by the program's own stages   cores used",
                    flush=True,
                )
                for rate in rates:
                    step = await one_step(day, rate, seconds, program)
                    steps.append(step)
                    print(_row(step), flush=True)
                    if not step.holds:
                        break
                for task in beside:
                    task.cancel()
    held = [step for step in steps if step.holds]
    knee = held[-1].rate if held else 0
    verdict = f"no knee up to {knee:.0f} messages a second: the last step holds"
    if not steps[-1].holds:
        verdict = f"knee: {knee:.0f} messages a second; used up beyond it: {steps[-1].used_up()}"
    print(verdict)
    print(f"load of the machine: {load:.1f} before it began, on {os.cpu_count()} cores")
    if to is not None:
        lines = [step.line() for step in steps]
        write(to, table(lines, verdict=verdict, seconds=seconds, load=load))
    if as_json:
        print(json.dumps({"knee": knee, "steps": [(s.rate, s.holds, s.stages) for s in steps]}))
    return 0 if held else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=float, nargs="*", default=RATES)
    parser.add_argument("--seconds", type=float, default=30.0, help="for each rate")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the table there: docs/performance.md"
    )
    asked = parser.parse_args()
    sys.exit(asyncio.run(main(asked.rates, asked.seconds, asked.write, as_json=asked.json)))
