"""X-Forwarded-For: every line counts, from the right, and only addresses are believed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from core.storage.client import Database
from core.web.http.problems import Problem
from core.web.http.settings import WebSettings
from core.web.identity.client_address import ClientAddress
from tests.support.site import SECRET, site

OURS = ("127.0.0.0/8", "10.0.0.0/8", "fd00::/8")


class Peer:
    """A connection from this address."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self.address, 4711) if name == "peername" else default


def asked(lines: Sequence[str], *, peer: str = "127.0.0.1") -> str:
    headers = CIMultiDict([("X-Forwarded-For", line) for line in lines])
    request = make_mocked_request("GET", "/", headers=headers, transport=Peer(peer))
    return ClientAddress(OURS).of(request)


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        ([], "127.0.0.1"),
        (["198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        # A proxy that adds a line of its own instead of a word to the one it found.
        (["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9", "198.51.100.7, 10.0.0.5"], "198.51.100.7"),
        (["203.0.113.9, 198.51.100.7", "10.0.0.5", "10.0.0.6"], "198.51.100.7"),
        (["198.51.100.7", "", " , "], "198.51.100.7"),
        # What a client makes up to the left of it is nobody's business.
        (["<script>, 198.51.100.7"], "198.51.100.7"),
        (["unknown", "198.51.100.7"], "198.51.100.7"),
        # With a port, in IPv6, IPv4 in IPv6's dress, spelled out.
        (["198.51.100.7:4711"], "198.51.100.7"),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["2001:0DB8:0:0::7"], "2001:db8::7"),
        (["::ffff:198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7, ::ffff:10.0.0.5"], "198.51.100.7"),
        (["10.0.0.5, 127.0.0.1"], "127.0.0.1"),
    ],
)
def test_the_nearest_that_is_no_proxy_of_ours(lines: list[str], client: str) -> None:
    assert asked(lines) == client


@pytest.mark.parametrize(
    "hop",
    ["unknown", "evil", "_hidden", "999.1.1.1", "198.51.100", "1", "a@b.c", "localhost", "<b>",
     "198.51.100.7:", "198.51.100.7:99999999", "[198.51.100.7", "198.51.100.7 or so", "x" * 5000,
     "१९८.५१.१००.७", "0x7f.1"],
)  # fmt: skip
def test_what_is_no_address_is_refused(hop: str) -> None:
    for lines in ([hop], [f"198.51.100.7, {hop}"], ["198.51.100.7", hop], [f"{hop}, 10.0.0.5"]):
        with pytest.raises(Problem) as refused:
            asked(lines)
        assert refused.value.status == 400


def test_strangers_name_nobody() -> None:
    for lines in (["198.51.100.7"], ["evil"], ["127.0.0.1"]):
        assert asked(lines, peer="203.0.113.1") == "203.0.113.1"
    assert asked(["198.51.100.7"], peer="::ffff:10.0.0.1") == "198.51.100.7"
    assert asked(["198.51.100.7"], peer="::ffff:203.0.113.1") == "203.0.113.1"


async def test_made_up_visitors_are_no_way_around_the_limits(db: Database) -> None:
    """Each word would be a new address with attempts of its own."""
    settings = WebSettings(secret_key=SECRET, trusted_proxies=("127.0.0.1",))
    async with site(db, settings=settings) as web:
        form = {"email": "mina@example.com", "password": "a guess", "next": ""}
        statuses = []
        for n in range(10):
            headers = {"X-Forwarded-For": f"visitor-{n}"}
            statuses.append((await web.call("POST", "/login", data=form, headers=headers))[0])
        assert set(statuses) == {400}
        for n in range(10):
            headers = {"X-Forwarded-For": f"203.0.113.{n}, 198.51.100.7"}
            statuses.append((await web.call("POST", "/login", data=form, headers=headers))[0])
        assert statuses[-1] == 429
        status, problem = await web.call("GET", "/api/me", headers={"X-Forwarded-For": "evil"})
        assert (status, problem["status"]) == (400, 400)
