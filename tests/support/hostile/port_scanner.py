"""A second user on the machine: knocks at every port of a server, from its first moment on.

Run as a program. It reads the ports, a line each, as they are taken (anybody can find them in
`/proc/net/tcp`, but others on this machine must not be knocked at), and says as JSON, once its
input ends, what it tried and where it came in. It speaks the wire protocol by itself, because a
driver would be too slow for a door that stands open for a moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import bson
from bson.errors import InvalidBSON

PATIENCE = 3.0  #: a server that computes for others, too, answers late
TLS_PATIENCE = 0.3  #: one that speaks no TLS says nothing
NOBODY = 65534
LOCAL = "127.0.0.1"


def asked(door: socket.socket, command: dict[str, Any]) -> dict[str, Any]:
    """What a server that speaks MongoDB's protocol answers."""
    body = b"\0\0\0\0\0" + bson.encode({**command, "$db": "admin"})
    door.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, 2013) + body)
    answer = b""
    while len(answer) < 21 or len(answer) < struct.unpack("<i", answer[:4])[0]:
        more = door.recv(65536)
        if not more:
            raise ConnectionError
        answer += more
    found: dict[str, Any] = bson.decode(answer[21:])
    return found


def connected(port: int, patience: float) -> socket.socket:
    """A connection there. Without names to resolve: what that imports we may not read any more."""
    door = socket.socket()
    door.settimeout(patience)
    door.connect((LOCAL, port))
    return door


def in_the_open(port: int, command: dict[str, Any]) -> bool:
    """Whether the server does it for anybody."""
    with connected(port, PATIENCE) as door:
        return asked(door, command).get("ok") == 1.0


def without_certificate(port: int, command: dict[str, Any]) -> bool:
    """Whether it does it for anybody who speaks TLS."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with connected(port, TLS_PATIENCE) as plain, context.wrap_socket(plain) as door:
        return asked(door, command).get("ok") == 1.0


def knock(port: int) -> list[str]:
    """What could be done there without a password."""
    done: list[str] = []
    for command in (
        {"listDatabases": 1},
        {"createUser": "planted", "pwd": "x", "roles": [{"role": "root", "db": "admin"}]},
    ):
        for way in (in_the_open, without_certificate):
            with contextlib.suppress(OSError, struct.error, InvalidBSON):
                done += [next(iter(command))] if way(port, command) else []
    return done


@dataclass(slots=True)
class Scan:
    """What was tried, and where it came in."""

    knocks: int = 0
    ports: set[int] = field(default_factory=set)
    came_in: set[str] = field(default_factory=set)
    over: bool = False

    def stand_at(self, port: int) -> None:
        """Knock at this port until the end: a server may come back on it."""
        while not self.over:
            self.came_in.update(f"{port}: {deed}" for deed in knock(port))
            self.knocks += 1
            time.sleep(0.005)


def main() -> None:
    """Knock at each port that we are told, until we are told no more."""
    if os.getuid() == 0:
        # Only now: another user could not read what is imported.
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    scan = Scan()
    print("ready", flush=True)
    for line in sys.stdin:
        port = int(line)
        if port not in scan.ports:
            scan.ports.add(port)
            threading.Thread(target=scan.stand_at, args=(port,), daemon=True).start()
    scan.over = True
    said = {"ports": len(scan.ports), "knocks": scan.knocks, "came_in": sorted(scan.came_in)}
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
