"""The member that this process is, by the settings."""

from __future__ import annotations

import os
import socket

from config.settings import Settings
from core.accounts.service import AccountsService
from core.accounts.sessions import StaffAccess
from core.clock import Clock
from core.cluster.clocks import steady
from core.cluster.hints import Body, Hints
from core.cluster.model import Member, MemoryClusterStore, Role, Terms
from core.cluster.mongo_store import MongoClusterStore
from core.cluster.node import ALONE, Node
from core.cluster.settings import digest_of, is_cluster
from core.runtime.version import OLDEST, SCHEMA, VERSION
from core.storage.client import Database
from core.web.server import WebServer


def share_rights(
    hints: Hints, accounts: AccountsService, access: StaffAccess, web: WebServer
) -> None:
    """Who loses a right or a session at one web loses what is open at the others, too.

    A hint that gets lost is made up for by the heartbeat of each stream, which asks again.
    """

    def tell(user_id: str, session_id: str) -> None:
        hints.say("rights", {"u": user_id, "s": session_id})

    def told(body: Body) -> None:
        web.end_streams(user_id=str(body["u"]), session_id=str(body["s"]))

    accounts.on_changed(lambda user: tell(user.id, ""))
    access.on_ended(tell)
    hints.on("rights", told)


def build_node(
    settings: Settings, db: Database, *, role: Role, secret_key: str, clock: Clock
) -> Node:
    """One of many, or alone; it has not joined yet.

    `db` should have a client of its own: a slow list must not cost us our place.
    """
    server = settings.server
    host = socket.gethostname()
    me = Member(
        id="",
        role=role,
        host=host,
        pid=os.getpid(),
        version=VERSION,
        schema=SCHEMA,
        oldest=OLDEST,
        secret=digest_of(secret_key),
        url=f"http://{host}:{server.metrics_port}" if server.metrics_port else "",
        started_at=clock.now(),
    )
    many = is_cluster(settings)
    return Node(
        MongoClusterStore(db) if many else MemoryClusterStore(),
        me=me,
        new_id=lambda: f"{role.value}-{host}-{os.getpid()}-{clock.new_id()[:8]}",
        steady=steady,
        terms=Terms() if many else ALONE,
    )
