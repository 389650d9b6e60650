"""Builds what every slice stands on: people, the log, and the way of a message into it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from app.attachments import build_library
from app.cluster import build_node
from config.settings import Settings
from core.accounts.attempts import Attempts
from core.accounts.audit.log import Audit
from core.accounts.secret_box import SecretBox
from core.accounts.secrets import Passwords
from core.accounts.service import AccountsService
from core.accounts.store import AccountStore
from core.attachments.links import Links
from core.clock import Clock, SystemClock
from core.cluster.model import Role
from core.cluster.rates import RedisRates
from core.cluster.settings import is_cluster
from core.company.mail_server import MailServer
from core.company.store import CompanyStore
from core.domain.next_step import is_idle
from core.engine.bus import LocalBus
from core.engine.inbound.consents import NumberConsents
from core.engine.inbound.inbox import Inbox
from core.engine.outbound.deliveries import Deliveries
from core.engine.projection.projector import SETTLE_AFTER, Projector
from core.engine.prometheus import stage_histogram
from core.engine.repository import Conversations
from core.engine.store.commit_log import MongoCommitLog
from core.engine.store.consents import MongoConsents
from core.engine.store.deliveries import MongoDeliveries
from core.engine.store.snapshots import MongoSnapshots
from core.engine.wakeups import Wakeups
from core.i18n import Words
from core.runtime.data_dir import DataDir
from core.runtime.host.disk import DiskSpace
from core.runtime.shipped import LOCALES
from core.slices.slice import Core, Renames, Shared, Site
from core.storage.client import Database
from plugins.registry.egress import Egress


def build_core(
    settings: Settings,
    data_dir: DataDir,
    db: Database,
    *,
    clock: Clock | None = None,
    settle_after: float = SETTLE_AFTER,
    role: Role = Role.ALL,
    beats: Database | None = None,
) -> Core:
    """Everything, built and not started; tests bring a clock of theirs and settle sooner.

    `beats` is the same database by a client of its own, for members' beats; None: `db` itself.
    """
    clock, passwords, bus = clock or SystemClock(), Passwords(), LocalBus()
    audit, account_store = Audit(db, clock=clock), AccountStore(db)
    commit_log = MongoCommitLog(db["log"])
    snapshots = MongoSnapshots(db["conversations"], db["unsettled"], owner="all")
    secret_key = settings.server.secret_key or data_dir.secret_key()
    node = build_node(
        settings, db if beats is None else beats, role=role, secret_key=secret_key, clock=clock
    )
    attempts = Attempts(
        db["attempts"] if is_cluster(settings) else None, secret_key=secret_key, clock=clock
    )
    many = is_cluster(settings)
    conversations = Conversations(
        log_store=commit_log,
        snapshots=snapshots,
        bus=bus,
        clock=clock,
        ownership=node,
        schema=lambda: node.schema,
    )
    projector = Projector(
        conversations=conversations,
        snapshots=snapshots,
        clock=clock,
        is_idle=is_idle,
        settle_after=settle_after,
        ownership=node,
    )
    deliveries = MongoDeliveries(db["deliveries"], conversations)
    consents = NumberConsents(store=MongoConsents(db["consents"]), conversations=conversations)
    projector.register(deliveries)
    projector.register(consents)
    registry, wakeups, disk = CollectorRegistry(), Wakeups(), DiskSpace(data_dir.path)
    Gauge(
        "contact_center_disk_free_bytes",
        "Room left where the data directory lies.",
        registry=registry,
    ).set_function(disk.free)
    library = build_library(
        settings, data_dir, db, conversations=conversations, clock=clock, disk=disk
    )
    reach = Egress(settings.server.private_api_addresses)
    site, previous = Site(settings.server), settings.server.secret_key_previous or ""
    observe = stage_histogram(registry)
    return Core(
        settings=settings,
        data_dir=data_dir,
        disk=disk,
        db=db,
        clock=clock,
        words=Words.load(LOCALES),
        secret_key=secret_key,
        previous_key=previous,
        site=site,
        registry=registry,
        observe=observe,
        audit=audit,
        account_store=account_store,
        attempts=attempts,
        rates=RedisRates.of(settings, node, secret_key=secret_key, clock=clock) if many else None,
        accounts=AccountsService(
            account_store, audit=audit, clock=clock, passwords=passwords, attempts=attempts
        ),
        passwords=passwords,
        node=node,
        bus=bus,
        commit_log=commit_log,
        snapshots=snapshots,
        conversations=conversations,
        projector=projector,
        wakeups=wakeups,
        inbox=Inbox(
            conversations=conversations,
            wake=wakeups.wake,
            observe=observe,
            clock=clock,
            contents=library,
            consents=consents,
            room=disk.require,
        ),
        deliveries=Deliveries(conversations=conversations, store=deliveries, wake=wakeups.wake),
        shared=Shared(),
        renames=Renames(),
        library=library,
        links=Links(secret_key=secret_key, previous_key=previous, site=site.url, clock=clock),
        company=CompanyStore(db["company"], audit=audit, clock=clock),
        mail=MailServer(
            db["company"],
            environment=settings.mail,
            seal=SecretBox([key for key in (secret_key, previous) if key]),
            audit=audit,
            clock=clock,
            reach=lambda address: reach.require({"The mail server": address}),
        ),
    )
