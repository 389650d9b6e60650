"""Which connection goes when there is no room: whoever keeps us waiting, of whoever has most."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from core.runtime.host.file_descriptors import Descriptors, descriptors, raise_to_hard_limit
from core.runtime.token_bucket import network_of
from core.web.http.prometheus import ConnectionMetrics
from core.web.http.settings import Limits
from core.web.limits.connections import BODIES, Connections

ROOM, OF_ONE = 40, 12


@dataclass(eq=False)
class Plug:
    """A connection that only knows whether it was made to go."""

    network: str = ""
    gone: bool = False
    works: bool = field(default=False)

    def evict(self) -> None:
        self.gone = True


def registry(
    *, room: int = ROOM, per_network: int = OF_ONE, proxies: tuple[str, ...] = ()
) -> Connections:
    return Connections(
        room=room,
        per_network=per_network,
        proxies=proxies,
        metrics=ConnectionMetrics(CollectorRegistry()),
    )


def test_of_one_network_the_one_that_waited_longest_goes() -> None:
    doors = registry()
    plugs = [Plug() for _ in range(OF_ONE)]
    assert all(doors.enter(plug, "192.0.2.1") for plug in plugs)
    doors.works(plugs[0])
    doors.works(plugs[1])
    doors.waits(plugs[1])  # answered: it begins to wait anew
    late = Plug()
    assert doors.enter(late, "192.0.2.1")
    assert [plug.gone for plug in plugs[:3]] == [False, False, True]
    assert not plugs[1].gone
    assert len(doors) == OF_ONE


def test_who_is_being_worked_for_never_goes_and_then_nobody_comes_in() -> None:
    doors = registry()
    plugs = [Plug() for _ in range(OF_ONE)]
    for plug in plugs:
        assert doors.enter(plug, "192.0.2.1")
        doors.works(plug)
    assert not doors.enter(Plug(), "192.0.2.1")
    assert not any(plug.gone for plug in plugs)
    assert doors.enter(Plug(), "192.0.2.2")


def test_an_ipv6_host_has_one_network_however_many_addresses_it_uses() -> None:
    doors = registry()
    plugs = [Plug() for _ in range(3 * OF_ONE)]
    for number, plug in enumerate(plugs):
        assert doors.enter(plug, f"2001:db8:1:2::{number:x}")
    assert len(doors) == OF_ONE
    assert doors.enter(Plug(), "2001:db8:1:3::1")
    assert doors.enter(Plug(), "::ffff:192.0.2.7")
    assert len({plug.network for plug in plugs}) == 1


def test_our_own_proxies_have_no_limit_of_their_own_and_never_go() -> None:
    doors = registry(proxies=("10.0.0.0/8", "2001:db8::/32"))
    plugs = [Plug() for _ in range(ROOM)]
    for number, plug in enumerate(plugs):
        address = ("10.0.0.1", "::ffff:10.2.3.4", "2001:db8::7")[number % 3]
        assert doors.enter(plug, address)
    assert not doors.enter(Plug(), "192.0.2.1")
    assert not any(plug.gone for plug in plugs)


def test_with_all_room_taken_the_network_that_has_most_makes_it() -> None:
    doors = registry(room=40, per_network=20)
    flood = [Plug() for _ in range(20)]
    others = [Plug() for _ in range(20)]
    for plug in flood:
        assert doors.enter(plug, "192.0.2.1")
    for number, plug in enumerate(others):
        assert doors.enter(plug, f"198.51.100.{number}")
    new = [Plug() for _ in range(8)]
    for number, plug in enumerate(new):
        assert doors.enter(plug, f"203.0.113.{number}")
    assert sum(plug.gone for plug in flood) == 8
    assert not any(plug.gone for plug in (*others, *new))


def test_bodies_of_one_network_do_not_fill_the_memory() -> None:
    doors = registry(room=1_000, per_network=400)
    plugs = [Plug() for _ in range(BODIES + 5)]
    for plug in plugs:
        assert doors.enter(plug, "192.0.2.1")
        doors.works(plug)
        doors.receives(plug)
    assert [plug.gone for plug in plugs] == [True] * 5 + [False] * BODIES
    doors.works(plugs[-1])
    assert doors.enter(Plug(), "192.0.2.1")


ADDRESSES = [
    *(f"192.0.2.{n}" for n in range(4)),
    *(f"2001:db8:0:{n}::1" for n in range(4)),
    "10.0.0.1",
]
STEPS = st.lists(
    st.tuples(st.sampled_from(["enter", "works", "waits", "receives", "leave"]), st.integers(0, 60),
              st.sampled_from(ADDRESSES)),
    max_size=300,
)  # fmt: skip


@given(STEPS)
def test_whatever_happens_the_count_is_true_and_nobody_who_works_goes(
    steps: list[tuple[str, int, str]],
) -> None:
    doors = registry(room=20, per_network=6, proxies=("10.0.0.0/8",))
    inside: list[Plug] = []
    for what, which, address in steps:
        before = {id(plug) for plug in inside if plug.works}
        if what == "enter":
            plug = Plug()
            if doors.enter(plug, address):
                inside.append(plug)
        elif inside:
            plug = inside[which % len(inside)]
            plug.works = what == "works"
            if what == "leave":
                doors.leave(plug)
                inside.remove(plug)
            else:
                getattr(doors, what)(plug)
        assert not any(id(plug) in before and plug.gone and plug.works for plug in inside)
        inside = [plug for plug in inside if not plug.gone]
        assert len(doors) == len(inside) <= 20
        for one in {plug.network for plug in inside} - {"proxy"}:
            assert sum(plug.network == one for plug in inside) <= 6
    for plug in inside:
        doors.leave(plug)
        doors.leave(plug)
    assert len(doors) == 0


def test_the_room_follows_the_descriptors_and_keeps_some_for_ourselves() -> None:
    def room(limit: int) -> int:
        return Descriptors(soft=limit, hard=limit).room(most=10_000)

    assert [room(n) for n in (256, 400, 1_024, 4_096, 65_536)] == [192, 300, 768, 3_584, 10_000]
    limits = Limits().within(room(400))
    # Streams of one address, then of everybody, leave places for those who only ask.
    assert limits.streams_per_address < limits.connections_per_address
    assert limits.streams < limits.connections - 100
    assert Limits().within(10_000) == Limits()


def test_the_limit_is_raised_to_the_hard_one() -> None:
    assert raise_to_hard_limit() == descriptors()
    assert descriptors().soft == descriptors().hard
    assert network_of("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64"
