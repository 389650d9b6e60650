"""`make cluster-check` takes three empty servers, cleans up behind itself, and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from core.cluster.redis_client import closed, connector, failures
from core.errors import SetupError
from core.storage.client import Database
from tests.support.cluster import Redis
from tests.support.cluster_check import refuse_unless_ours
from tests.support.given import NAMES, given_services, qdrant, vectors
from tests.support.servers.qdrant import qdrant_server

pytestmark = pytest.mark.apart

PLACE = "knowledge-potion"
SHAPE = {"vectors": {"dense": {"size": 4, "distance": "Cosine"}}}


@pytest.fixture
async def servers(
    db: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Mapping[str, str]]:
    """Three servers that hold nothing, in the environment."""
    for name in await db.list_collection_names():
        await db.drop_collection(name)
    redis = Redis(tmp_path / "redis")
    await redis.start()
    try:
        async with qdrant_server() as url:
            env = {
                "MONGODB_URI": mongo_uri.replace("/?", f"/{db.name}?"),
                "QDRANT_URL": url,
                "REDIS_URL": redis.url,
            }
            for name, value in env.items():
                monkeypatch.setenv(name, value)
            yield env
    finally:
        await redis.kill()


async def test_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SetupError, match="MONGODB_URI, QDRANT_URL, REDIS_URL must be set"):
        await refuse_unless_ours()


async def test_what_holds_something_is_refused_and_left_alone(
    servers: Mapping[str, str], db: Database
) -> None:
    assert "one server alone" in await refuse_unless_ours()
    await db["log"].insert_one({"_id": "theirs"})
    with pytest.raises(SetupError, match=r"not empty \(it has log\)"):
        await refuse_unless_ours()
    assert await db["log"].count_documents({}) == 1
    await db.drop_collection("log")
    async with qdrant() as http:
        async with http.put(f"collections/{PLACE}", json=SHAPE) as answer:
            assert answer.status == 200
        with pytest.raises(SetupError, match="Qdrant is not empty"):
            await refuse_unless_ours()
        async with http.delete(f"collections/{PLACE}") as answer:
            assert answer.status == 200
    client = connector(servers["REDIS_URL"])()
    try:
        await client.set("theirs", 1)
        with pytest.raises(SetupError, match="Redis is not empty"):
            await refuse_unless_ours()
        assert await client.get("theirs") == b"1"
    finally:
        await closed(client)


async def test_a_test_leaves_nothing_behind_and_redis_can_be_cut_off(
    servers: Mapping[str, str], db: Database
) -> None:
    async with given_services() as given:
        client = connector(given.env["REDIS_URL"])()
        try:
            assert await client.ping()
            await given.redis.kill()
            with pytest.raises(failures()):
                await client.ping()
            await given.redis.start()
            assert await client.ping()
        finally:
            await closed(client)
        await db["log"].insert_one({"_id": "ours"})
        async with qdrant() as http, http.put(f"collections/{PLACE}", json=SHAPE) as answer:
            assert answer.status == 200
    assert await db.list_collection_names() == []
    async with qdrant() as http:
        assert await vectors(http) == []
    assert "one server alone" in await refuse_unless_ours()
    assert set(servers) == set(NAMES)
