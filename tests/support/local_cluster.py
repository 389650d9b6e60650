"""`make cluster`: two webs, two workers and what they share, on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.support.cluster import STARTING_SECONDS, installation
from tests.support.process import Program

FOLDER = (Path("data") / "cluster").absolute()
PORT = 8080

HAPROXY = """\
global
    log stderr format raw local0 notice
defaults
    mode http
    option http-server-close
    timeout connect 2s
    timeout client 1h
    timeout server 1h
    option redispatch
    retries 3
    option forwardfor
frontend desk
    bind 127.0.0.1:{port}
    default_backend webs
backend webs
    balance leastconn
    option httpchk GET /readyz
    default-server check inter 1s fall 2 rise 1
{servers}
"""


async def main() -> int:
    """Start everything, say where it is, and end it all when asked to."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    haproxy = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    ports = [PORT + 1, PORT + 2]
    settings = {"PUBLIC_URL": f"http://127.0.0.1:{PORT if haproxy else ports[0]}"}
    if haproxy:
        settings["TRUSTED_PROXIES"] = "127.0.0.1"
    given = ("MONGODB_URI", "QDRANT_URL", "REDIS_URL", "SECRET_KEY", "PUBLIC_URL")
    settings |= {name: os.environ[name] for name in given if os.environ.get(name)}
    print("Starting a store, a vector server, Redis, two webs and two workers …", flush=True)
    async with AsyncExitStack() as stack:
        many = await stack.enter_async_context(
            installation(FOLDER, env=settings, start=False, ports=ports)
        )
        await asyncio.gather(*(one.start(seconds=STARTING_SECONDS) for one in many.programs))
        if haproxy:
            await stack.enter_async_context(_balancer(haproxy, many.webs))
        else:
            print("haproxy is not installed: use the webs' own ports.")
        print(f"Chat:     {settings['PUBLIC_URL']}/")
        print("Webs:     " + "  ".join(web.url for web in many.webs))
        for web in many.webs:
            lines = web.output.read_text().splitlines()
            if links := [line for line in lines if line.startswith("Sign in:")]:
                print(links[-1])
                break
        print(f"Logs:     {FOLDER}/*.log")
        print(await many.webs[0].command("members"))
        print("Ctrl-C ends it all.", flush=True)
        await stopped.wait()
        print("Handing over and stopping …", flush=True)
        await asyncio.gather(*(one.stop() for one in many.programs))
    return 0


@asynccontextmanager
async def _balancer(haproxy: str, webs: Sequence[Program]) -> AsyncIterator[None]:
    servers = "\n".join(
        f"    server web-{number} 127.0.0.1:{web.port}" for number, web in enumerate(webs, 1)
    )
    config = FOLDER / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=PORT, servers=servers))
    with (FOLDER / "haproxy.log").open("ab") as output:
        child = await asyncio.create_subprocess_exec(
            *(haproxy, "-db", "-f", str(config)), stdout=output, stderr=output
        )
    try:
        yield
    finally:
        child.terminate()
        await child.wait()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(asyncio.run(main()))
