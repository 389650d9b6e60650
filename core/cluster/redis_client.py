"""Clients of Redis, by its address or by Sentinel: none of them tries anything twice by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from core.errors import SetupError

GONE_SECONDS = 5.0  #: of silence, after which the other end is taken for gone


def connector(url: str) -> Callable[[], Any]:
    """What makes a client. Raises SetupError."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.asyncio.sentinel import Sentinel
    from redis.backoff import NoBackoff

    options: dict[str, Any] = {
        "socket_connect_timeout": GONE_SECONDS,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),  # we must know that something was missed
        "retry_on_error": [],
    }
    if not url.startswith("redis+sentinel://"):
        try:
            Redis.from_url(url, **options)
        except ValueError as error:
            raise SetupError(f"REDIS_URL cannot be used: {error}.") from error
        return lambda: Redis.from_url(url, **options)
    parts = urlsplit(url)
    _, _, hosts = parts.netloc.rpartition("@")
    name = parts.path.strip("/")
    sentinels = []
    for host in hosts.split(","):
        address, _, port = host.rpartition(":") if ":" in host else (host, "", "26379")
        if not address or not port.isdigit():
            raise SetupError(f"REDIS_URL cannot be used: {host!r} is no host:port.")
        sentinels.append((address, int(port)))
    if not name:
        raise SetupError("REDIS_URL cannot be used: name the master after the last slash.")
    if parts.username:
        options["username"] = unquote(parts.username)
    if parts.password:
        options["password"] = unquote(parts.password)

    def connect() -> Any:
        sentinel = Sentinel(  # type: ignore[no-untyped-call]
            sentinels, sentinel_kwargs={"socket_timeout": 1.0}
        )
        return sentinel.master_for(name, redis_class=Redis, **options)

    return connect


def failures() -> tuple[type[Exception], ...]:
    """What is raised while Redis is away, or is not what we think it is."""
    from redis.exceptions import RedisError

    return (RedisError, OSError, TimeoutError)


async def closed(client: Any) -> None:
    """Close it and its connections, whatever state they are in."""
    pool = client.connection_pool
    sentinels = getattr(getattr(pool, "sentinel_manager", None), "sentinels", ())
    for close in (client.aclose, pool.disconnect, *(one.aclose for one in sentinels)):
        with suppress(Exception):
            async with asyncio.timeout(1.0):
                await close()
