"""SIGKILL in the middle of a source's sync and of an import; what must hold when all is done."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from core.storage.client import DATABASE, Database, connect, open_database
from core.storage.embedded import EmbeddedStore
from imports.groups.model import FileState
from plugins.sources.store import SourceStore
from tests.imports import exports
from tests.support.cluster import Installation, installation
from tests.support.process import ROOT, Program

SOURCE = "papers"
DONE_SECONDS = 400.0  #: for what was broken off to be done, on a machine that does much else
LONGEST = 2.0  #: seconds after which a kill falls, at most
CITIES = ("Oslo", "Lima", "Bern", "Cork", "Riga", "Kiel", "Graz", "Pisa", "Bonn", "Nice")
THINGS = ("kayak", "tent", "bicycle", "lantern", "stove", "hammock", "rope", "compass")

Progress = Callable[[int], None]


@dataclass(slots=True)
class Outcome:
    """What was found at the end."""

    kills: int = 0
    caught: int = 0  #: kills that fell while it was at work
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)  #: what says neither the one nor the other

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.doubled or self.half)


class Papers:
    """A folder whose files are changed, added and removed; one article each."""

    def __init__(self, folder: Path, *, count: int) -> None:
        self.folder = folder
        self.said: dict[str, str] = {}
        folder.mkdir(parents=True)
        for number in range(count):
            self.write(number, 0)

    def write(self, number: int, version: int) -> None:
        """A file as it is from now on."""
        title = f"The {THINGS[number % 8]} of {CITIES[number // 8 % 10]}, room {number}"
        code = 1000 * version + number
        self.said[title] = f"Its number is {code}, and it hangs on hook {code + 7}."
        self._file(number).write_text(f"# {title}\n\n{self.said[title]}\n", encoding="utf-8")

    def remove(self, number: int) -> None:
        """A file that is not there any more."""
        title = self._file(number).read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        self._file(number).unlink()
        del self.said[title]

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:03}.md"


async def broken_syncs(
    folder: Path, *, kills: int, seed: int = 1, progress: Progress = lambda _: None
) -> Outcome:
    """One process, killed so many times through a first sync and syncs of what has changed."""
    chance, found = random.Random(seed), Outcome()
    papers = Papers(folder / "papers", count=60)
    program = Program(folder / "data")
    await program.start(seconds=DONE_SECONDS)
    desk = await Desk.of(program)
    asked: tuple[str, ...] = (
        "sources", "add", "folder", "--id", SOURCE, "--set", f"path={papers.folder}",
    )  # fmt: skip
    for number in range(kills):
        child = await _begun(program, *asked)
        await desk.until(f"/api/sources/{SOURCE}", "syncing", or_ended=child)
        await asyncio.sleep(chance.uniform(0.0, LONGEST))
        source = await desk.get(f"/api/sources/{SOURCE}")
        found.caught += source.get("state") == "syncing"
        await program.kill()
        await child.wait()
        found.kills += 1
        await program.start(seconds=DONE_SECONDS)
        if number % 2:
            await desk.until(f"/api/sources/{SOURCE}", "fresh")
            changed(papers, number, chance)
        # Where it was killed before the source was stored, it is not there.
        if SOURCE in await _said(program, "sources", "list"):
            asked = ("sources", "sync", SOURCE)
        progress(number + 1)
    if SOURCE not in await _said(program, "sources", "list"):
        await _said(program, *asked)
    # Asked by nobody: it goes on by itself.
    await desk.until(f"/api/sources/{SOURCE}", "fresh")
    await _said(program, "sources", "sync", SOURCE)
    try:
        await _said(program, "kb", "check")
    except RuntimeError as differs:
        found.half.append(str(differs))
    await program.stop()
    async with _stopped(program.data_dir) as db:
        await _compared(db, papers, found)
    return found


async def broken_syncs_of_two(
    folder: Path, *, kills: int, seed: int = 1, progress: Progress = lambda _: None
) -> Outcome:
    """Two workers of one installation, of which now the one and now the other is killed."""
    chance, found = random.Random(seed), Outcome()
    papers = Papers(folder / "papers", count=60)
    async with installation(folder, webs=1, workers=2) as many:
        db = await open_database(many.uri)
        store = SourceStore(db["sources"])
        # The command is a process of its own here, and the first that is killed.
        child = await _begun(
            many.webs[0],
            *("sources", "add", "folder", "--id", SOURCE, "--set", f"path={papers.folder}"),
        )
        async with asyncio.timeout(DONE_SECONDS):
            while await db["source_documents"].count_documents({"source": SOURCE}) < 5:
                await asyncio.sleep(0.05)
        child.kill()
        await child.wait()
        found.kills, found.caught = 1, 1
        for number in range(kills):
            await _done(db)
            changed(papers, number, chance)
            await store.ask(SOURCE, by="test")
            run = await _begins(db)
            await asyncio.sleep(chance.uniform(0.0, 1.5))
            worker = many.workers[number % 2]
            await worker.kill()
            found.kills += 1
            source = await store.get(SOURCE)
            found.caught += source.state.run == run
            await worker.start(seconds=DONE_SECONDS)
            progress(number + 1)
        await _done(db)
        await store.ask(SOURCE, by="test")
        await _begins(db)
        await _done(db)
        await _agrees(many, found)
        await _compared(db, papers, found)
        await db.client.close()
    return found


def changed(papers: Papers, number: int, chance: random.Random) -> None:
    """A few files say something else, one is new and one is gone: nothing that waits."""
    for one in chance.sample(range(10, 50), 5):
        papers.write(one, number + 1)
    papers.write(60 + number, 0)
    if number < 9:
        papers.remove(number)


async def broken_imports(
    folder: Path, *, kills: int, tickets: int = 400, seed: int = 1,
    progress: Progress = lambda _: None,
) -> Outcome:  # fmt: skip
    """One process, killed so many times while it reads a file that a command has named."""
    chance, found = random.Random(seed), Outcome()
    pairs = [
        (
            f"Where in {CITIES[n % 10]} do I get a {THINGS[n // 10 % 8]} number {n // 80}?",
            f"At counter {n} of our shop, on every working day until six o’clock.",
        )
        for n in range(tickets)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path = exports.written(folder / "past.json", exports.lines(exports.zendesk(pairs)))
    program = Program(folder / "data")
    await program.start(seconds=DONE_SECONDS)
    desk = await Desk.of(program)
    child = await _begun(program, "import", "zendesk", str(path))
    for number in range(kills):
        await desk.until("/api/imports", "reading", "done", or_ended=child)
        await asyncio.sleep(chance.uniform(0.0, 0.5))
        found.caught += "reading" in str(await desk.get("/api/imports"))
        await program.kill()
        found.kills += 1
        await program.start(seconds=DONE_SECONDS)
        progress(number + 1)
    await child.wait()
    # Asked by nobody: it goes on by itself.
    await desk.until("/api/imports", "done")
    # The same again changes nothing.
    await _said(program, "import", "zendesk", str(path))
    await program.stop()
    async with _stopped(program.data_dir) as db:
        await _imported(db, tickets, found)
    return found


async def _imported(db: Database, tickets: int, found: Outcome) -> None:
    exchanges = await db["past_exchanges"].find({}).to_list()
    groups = await db["past_groups"].find({}).to_list()
    [file] = await db["past_files"].find({}).to_list()
    if len(exchanges) != tickets:
        found.lost.append(f"{len(exchanges)} of {tickets} exchanges")
    for name in ("items", "exchanges", "new"):
        if file[name] != tickets:
            found.half.append(f"the file says {name} {file[name]}")
    if file["state"] != FileState.DONE.value:
        found.half.append(f"the file is {file['state']}")
    sizes = Counter(one["g"] for one in exchanges)
    for group in groups:
        if group["size"] != sizes.pop(group["_id"], 0):
            found.half.append(f"group {group['_id']} says {group['size']}")
        if group.get("due"):
            found.half.append(f"group {group['_id']} was not settled")
    found.lost += [f"group {one}" for one in sizes]
    read = await db["audit"].count_documents({"what": "import.read"})
    if read != 1:
        found.doubled.append(f"{read} entries in the audit")


async def _compared(db: Database, papers: Papers, found: Outcome) -> None:
    articles = await db["articles"].find({}).to_list()
    titles = Counter(one["title"] for one in articles)
    found.doubled += [title for title, times in titles.items() if times > 1]
    found.lost += [title for title in papers.said if title not in titles]
    found.half += [f"{title} should be gone" for title in titles if title not in papers.said]
    for one in articles:
        if one["title"] in papers.said and papers.said[one["title"]] not in one["text"]:
            found.half.append(f"{one['title']} says {one['text']!r}")
        if one["pending"]:
            found.half.append(f"{one['title']} is not in the index")
    source = await db["sources"].find_one({"_id": SOURCE})
    assert source is not None
    if source["state"]["run"] or source["state"]["error"]:
        found.half.append(f"the source says {source['state']}")
    rows = await db["source_documents"].find({"source": SOURCE}).to_list()
    found.half += [row["address"] for row in rows if row["found"] != row["applied"]]


async def _begun(program: Program, *arguments: str) -> asyncio.subprocess.Process:
    """A command that nobody waits for."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "bot.py"),
        *arguments,
        cwd=ROOT,
        env=program.environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def _said(program: Program, *arguments: str) -> str:
    """What a command says, however busy the machine is."""
    return await program.command(*arguments, within=DONE_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An admin who looks at a program that is killed again and again."""

    program: Program
    token: str

    @classmethod
    async def of(cls, program: Program) -> Desk:
        """A new admin of this program."""
        made = ("users", "add", "root@example.com", "--role", "admin", "--token")
        return cls(program=program, token=(await _said(program, *made)).split()[-1])

    async def get(self, path: str) -> dict[str, Any]:
        """The JSON there; nothing where nothing is, or nobody answers."""
        headers = {"Authorization": f"Bearer {self.token}"}
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.get(f"{self.program.url}{path}") as answer,
            ):
                if answer.status == 200:
                    found: dict[str, Any] = await answer.json()
                    return found
        return {}

    async def until(
        self, path: str, *states: str, or_ended: asyncio.subprocess.Process | None = None
    ) -> None:
        """Return once something there is in one of these states, or the command has ended."""
        async with asyncio.timeout(DONE_SECONDS):
            while or_ended is None or or_ended.returncode is None:
                found = await self.get(path)
                told = [found.get("state"), *(one.get("state") for one in found.get("items", ()))]
                if any(state in told for state in states):
                    return
                await asyncio.sleep(0.02)


async def _begins(db: Database) -> str:
    async with asyncio.timeout(DONE_SECONDS):
        while not (run := (await _state(db))["run"]):
            await asyncio.sleep(0.05)
        return str(run)


async def _done(db: Database) -> None:
    async with asyncio.timeout(DONE_SECONDS):
        while (state := await _state(db))["run"] or state["asked"]:
            await asyncio.sleep(0.5)


async def _state(db: Database) -> Mapping[str, Any]:
    found = await db["sources"].find_one({"_id": SOURCE})
    assert found is not None
    state: Mapping[str, Any] = found["state"]
    return state


async def _agrees(many: Installation, found: Outcome) -> None:
    """Index and articles say the same, once what was written has been embedded."""
    async with asyncio.timeout(DONE_SECONDS):
        while True:
            with contextlib.suppress(RuntimeError):
                await _said(many.webs[0], "kb", "check")
                return
            await asyncio.sleep(2.0)


@asynccontextmanager
async def _stopped(data_dir: Path) -> AsyncIterator[Database]:
    """The store of a program that does not run."""
    store = EmbeddedStore(data_dir)
    await store.boot()
    try:
        client = connect(store.uri)
        try:
            yield client.get_default_database(default=DATABASE)
        finally:
            await client.close()
    finally:
        await store.stop()


def told(name: str, found: Outcome) -> str:
    """In a line."""
    wrong: Sequence[str] = (*found.lost, *found.doubled, *found.half)
    return (
        f"{name:<24} {found.kills:>5} kills, {found.caught} in the middle: {len(found.lost)} lost,"
        f" {len(found.doubled)} doubled, {len(found.half)} half {json.dumps(wrong[:5])}"
    )
