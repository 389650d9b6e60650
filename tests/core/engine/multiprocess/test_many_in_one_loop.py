"""Processes of one installation in one loop, with hints that get lost or come twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from core.cluster.hints import Body
from core.cluster.model import Role, Terms
from core.cluster.mongo_store import MongoClusterStore
from core.domain.drafts import Draft, Question
from core.domain.events import DeliveryStarted
from core.engine.multiprocess.asked_here import AskedHere
from core.engine.multiprocess.keeper import Keeper
from core.engine.multiprocess.remote_bus import RemoteBus
from core.engine.ports import Signal
from core.runtime import tasks
from core.storage.client import Database
from tests.support.world import Channels, World, build, sure

#: Quick, but no quicker than a store that is shared with other tests may be slow.
QUICK = Terms(every=0.1, valid=5.0, dead=7.5, blind=4.0)
MANY = {"REDIS_URL": "redis://nowhere"}


@dataclass
class Air:
    """Carries hints between the processes, as well or badly as a test wants."""

    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    ends: list[AirHints] = field(default_factory=list)

    def carry(self, sender: AirHints, kind: str, body: Body) -> None:
        loop = asyncio.get_running_loop()
        for end in self.ends:
            if end is sender or self.chance.random() < self.lost:
                continue
            for _ in range(1 + (self.chance.random() < self.doubled)):
                loop.call_later(self.chance.random() * self.late, end.hear, kind, body)


class AirHints:
    """`core.cluster.hints.Hints` through the air."""

    def __init__(self, air: Air) -> None:
        self._air = air
        self._listeners: dict[str, list[Callable[[Body], None]]] = {}
        air.ends.append(self)

    @property
    def is_up(self) -> bool:
        return self._air.lost < 1.0

    def on(self, kind: str, listener: Callable[[Body], None]) -> None:
        self._listeners.setdefault(kind, []).append(listener)

    def on_back(self, listener: Callable[[], None]) -> None:
        del listener

    def say(self, kind: str, body: Body) -> None:
        self._air.carry(self, kind, body)

    def hear(self, kind: str, body: Body) -> None:
        for listener in self._listeners.get(kind, ()):
            listener(body)


@dataclass
class Process:
    """One of them."""

    world: World
    keeper: Keeper
    asked: AskedHere
    running: list[asyncio.Task[None]]

    async def die(self) -> None:
        """Nothing of it runs any more, and it tells nobody."""
        node = self.world.core.node
        await tasks.end(*self.running, *(t for t in (node._running, node._guarding) if t))
        node._running = node._guarding = None
        node.membership.die()
        self.world.worker._stopping = True
        await self.world.worker._tasks.end()
        if self.world.projector._task is not None:
            await tasks.end(self.world.projector._task)
            self.world.projector._task = None


@asynccontextmanager
async def many(
    db: Database, *roles: Role, air: Air | None = None
) -> AsyncIterator[Sequence[Process]]:
    """So many of them, started, with one vendor; ended in the end."""
    air, channels = air or Air(lost=1.0), Channels()
    made: list[Process] = []
    try:
        made += [await started(db, role, air, channels) for role in roles]
        await shared_out(made)
        yield made
    finally:
        for process in made:
            node = process.world.core.node
            if node._running is not None:
                await tasks.end(*process.running)
                await process.world.worker.stop()
                await process.world.projector.stop()
                await node.stop()
            await process.world.commit_log.close()
            await process.world.snapshots.close()


async def started(db: Database, role: Role, air: Air, channels: Channels) -> Process:
    world = build(db, settings=MANY, role=role, channels=channels)
    core = world.core
    keeper = Keeper(
        core.node,
        conversations=core.conversations,
        snapshots=core.snapshots,
        projector=core.projector,
        worker=world.worker,
        clock=core.clock,
    )
    asked = AskedHere(core.conversations, clock=core.clock)
    remote = RemoteBus(
        AirHints(air),
        bus=core.bus,
        conversations=core.conversations,
        commit_log=core.commit_log,
        ownership=core.node,
        keeper=keeper,
        typed=world.worker.customer_types,
        clock=core.clock,
        follows=asked,
    )
    core.wakeups.on_wake(remote.wake)
    await core.node.start()
    running = [asyncio.create_task(remote.run())]
    if role.works:
        core.projector.start()
        running.append(asyncio.create_task(keeper.run()))
    return Process(world, keeper, asked, running)


async def shared_out(processes: Sequence[Process]) -> None:
    """Every partition is somebody's."""
    async with asyncio.timeout(20):
        while sum(len(p.world.core.node.membership.held()) for p in processes) < 256:
            await asyncio.sleep(0.05)


async def settled(db: Database) -> None:
    """Nothing is marked any more."""
    async with asyncio.timeout(30):
        while await db["unsettled"].count_documents({}):
            await asyncio.sleep(0.05)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cluster.Terms", lambda: QUICK)


async def once_each(db: Database, world: World, conversations: Sequence[str]) -> None:
    """Each was answered once, sent once, and projected as the log says."""
    for one in conversations:
        kinds = await world.kinds(one)
        assert kinds.count("sent") == kinds.count("delivery_started") == 1, kinds
        delivery = await db["deliveries"].find_one({"c": one})
        assert delivery is not None
        assert (delivery["state"], len(delivery["external_ids"])) == ("sent", 1)
        snapshot = await world.snapshots.load(one)
        assert snapshot is not None
        assert snapshot.projected == snapshot.state.seq == len(kinds)
    assert len(world.vendor.sent) == len(conversations)


@pytest.mark.parametrize(
    "air",
    [Air(), Air(lost=1.0), Air(lost=0.3, doubled=0.3, late=0.3)],
    ids=["well", "never", "badly"],
)
async def test_whatever_becomes_of_hints_each_is_answered_once(db: Database, air: Air) -> None:
    async with many(db, Role.WORKER, Role.WORKER, Role.WEB, air=air) as (one, two, web):
        written = [
            await world.write(f"Question {number}", channel="vendor", chat=f"c{number}")
            for number in range(12)
            for world in ((one, two, web)[number % 3].world,)
        ]
        await settled(db)
        await once_each(db, web.world, written)
        fences = [e.event for c in written for e in await web.world.events(c)]
        assert all(e.fence >= 1 for e in fences if isinstance(e, DeliveryStarted))
        # And the customer writes on, now here, now there.
        for number, conversation_id in enumerate(written):
            world = (web, one, two)[number % 3].world
            await world.write("And then?", channel="vendor", chat=f"c{number}")
            assert (await world.conversations.peek(conversation_id)).unanswered
        await settled(db)
        assert len(web.world.vendor.sent) == 2 * len(written)


async def test_what_a_dead_one_was_drafting_is_answered_by_the_other(db: Database) -> None:
    async with many(db, Role.WORKER, Role.WORKER, Role.WEB, air=Air()) as (one, two, web):
        drafting = asyncio.Event()

        async def slowly(question: Question) -> Draft:
            del question
            drafting.set()
            await asyncio.Event().wait()
            raise AssertionError

        one.world.responder.answer = two.world.responder.answer = slowly
        conversation_id = await web.world.write("Hello?", channel="vendor")
        await drafting.wait()
        dead, other = (one, two) if one.world.core.node.owns(conversation_id) else (two, one)
        other.world.responder.always(sure())
        await dead.die()
        await other.world.until(conversation_id, lambda c: not c.unanswered, seconds=40)
        await settled(db)
        await once_each(db, web.world, [conversation_id])
        assert not other.world.core.node.others() or all(
            m.role is Role.WEB for m in other.world.core.node.others()
        )


async def test_one_who_is_cut_off_sends_nothing_and_finds_out(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with many(db, Role.WORKER, Role.WORKER, air=Air()) as (one, two):
        conversation_id = await one.world.write("Hello?", channel="vendor")
        await settled(db)
        cut, other = (one, two) if one.world.core.node.owns(conversation_id) else (two, one)
        heart = cut.world.core.node.membership

        async def hang() -> None:
            await asyncio.Event().wait()

        round_of_mine = heart.round
        monkeypatch.setattr(heart, "round", hang)
        async with asyncio.timeout(40):
            while not other.world.core.node.owns(conversation_id):
                assert not (
                    cut.world.core.node.owns(conversation_id)
                    and other.world.core.node.owns(conversation_id)
                )
                await asyncio.sleep(0.01)
        assert not cut.world.core.node.owns(conversation_id)
        # It still can append: as anybody may. But what follows is the owner's.
        cut.world.keys += 100  # another message than the other one's first
        await cut.world.write("Still there?", channel="vendor")
        await settled(db)
        events = [e.event for e in await other.world.events(conversation_id)]
        fences = [e.fence for e in events if isinstance(e, DeliveryStarted)]
        assert len(fences) == 2
        assert fences[1] > fences[0]
        monkeypatch.setattr(heart, "round", round_of_mine)


async def test_one_who_comes_is_handed_a_share_and_nothing_is_done_twice(db: Database) -> None:
    air = Air()
    async with many(db, Role.WORKER, Role.WEB, air=air) as (one, web):
        channels = one.world.channels

        async def leisurely(question: Question) -> Draft:
            del question
            await asyncio.sleep(0.3)
            return sure()

        one.world.responder.answer = leisurely
        written: list[str] = []

        async def write() -> None:
            for number in range(40):
                chat = f"c{number}"
                written.append(await web.world.write("Hello?", channel="vendor", chat=chat))
                await asyncio.sleep(0.03)

        writing = asyncio.create_task(write())
        two = await started(db, Role.WORKER, air, channels)
        two.world.responder.answer = leisurely
        try:
            await writing
            await shared_out((one, two))
            await settled(db)
            await once_each(db, web.world, written)
            assert len(two.world.core.node.membership.held()) > 80
            assert len(one.world.responder.asked) + len(two.world.responder.asked) == 40
        finally:
            await tasks.end(*two.running)
            await two.world.worker.stop()
            await two.world.projector.stop()
            await two.world.core.node.stop()


async def test_a_growing_answer_and_typing_are_seen_at_another_web(db: Database) -> None:
    air = Air()
    async with many(db, Role.WORKER, Role.WEB, air=air) as (one, web):
        conversation_id = await web.world.write("Hello?")
        await settled(db)
        async with web.world.core.bus.listen(conversation_id) as items:
            for text in ("", "You ", "press ", "Reset."):
                kind = "delta" if text else "typing"
                one.world.conversations.signal(
                    Signal(conversation_id=conversation_id, kind=kind, text=text or "ai")
                )
            seen = [await anext(items) for _ in range(4)]
            assert [s.text for s in seen if isinstance(s, Signal)] == [
                "ai",
                "You ",
                "press ",
                "Reset.",
            ]
            # A piece gets lost: the next whole heals it.
            air.lost = 1.0
            one.world.conversations.signal(
                Signal(conversation_id=conversation_id, kind="delta", text=" Then")
            )
            await asyncio.sleep(0.6)
            air.lost = 0.0
            one.world.conversations.signal(
                Signal(conversation_id=conversation_id, kind="delta", text=" wait.")
            )
            healed = await anext(items)
            assert isinstance(healed, Signal)
            assert healed.text == " Then wait."


async def test_nobody_who_left_is_shown_an_old_answer_growing(db: Database) -> None:
    async with many(db, Role.WORKER, Role.WEB, air=Air()) as (one, web):
        conversation_id = await web.world.write("Hello?")
        await settled(db)
        bus = web.world.core.bus
        async with asyncio.timeout(10):
            async with bus.listen(conversation_id):
                one.world.conversations.signal(
                    Signal(conversation_id=conversation_id, kind="delta", text="You press")
                )
                while not bus.growing(conversation_id):
                    await asyncio.sleep(0.01)
            one.world.keys += 100  # another message than the other one's first
            await one.world.write("And then?")
            while bus.growing(conversation_id):
                await asyncio.sleep(0.01)


async def test_a_mark_whose_commit_never_came_is_taken_away(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.multiprocess.keeper.FRUITLESS_SECONDS", 0.5)
    async with many(db, Role.WORKER) as (one,):
        conversation_id = await one.world.write("Hello?")
        await settled(db)
        c = await one.world.conversations.peek(conversation_id)
        await db["unsettled"].insert_one({"_id": conversation_id, "mark": c.seq + 1})
        await settled(db)
        assert (await one.world.conversations.peek(conversation_id)).seq == c.seq


async def test_a_command_beside_them_appends_and_works_on_nothing(db: Database) -> None:
    async with many(db, Role.WORKER, Role.WEB) as (one, web):
        beside = build(db, settings=MANY)
        conversation_id = await beside.write("Hello?", channel="vendor")
        assert beside.worker.under_way == set() or not list(beside.worker.under_way)
        await settled(db)
        assert one.world.vendor.sent
        await once_each(db, web.world, [conversation_id])
        await beside.commit_log.close()
        await beside.snapshots.close()


async def test_members_are_in_the_store(db: Database) -> None:
    async with many(db, Role.WORKER, Role.WEB):
        members = await MongoClusterStore(db).members()
        assert {member.role for member in members} == {Role.WORKER, Role.WEB}


@pytest.mark.parametrize("air", [Air(), Air(lost=1.0)], ids=["well", "never"])
async def test_a_web_counts_the_questions_that_others_have_not_answered_yet(
    db: Database, air: Air
) -> None:
    async with many(db, Role.WORKER, Role.WEB, air=air) as (one, web):
        answering = asyncio.Event()

        async def later(question: Question) -> Draft:
            del question
            await answering.wait()
            return sure()

        one.world.responder.answer = later
        written = [await web.world.write("Hello?", chat=f"c{number}") for number in range(5)]
        assert set(web.asked) == set(written)
        assert len(web.asked) == 5
        assert not list(web.world.worker.under_way)  # it works on none of them
        answering.set()
        async with asyncio.timeout(30):
            while len(web.asked):
                await asyncio.sleep(0.05)
        assert written[0] not in web.asked
