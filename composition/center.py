"""What stands on one store, whether it is served or at rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from analytics.store import FactStore
from analytics.studio import Studio
from approvals.trust.assembly import Trust
from approvals.trust.replay import Replayed
from composition.answering import ask_again
from composition.at_rest import running_at_rest, trust_at_rest
from composition.channels import open_plugins
from composition.commands import commands_of
from composition.erasure import open_privacy
from composition.program import LOCALES
from config.settings import Settings
from core.accounts.audit import Audit
from core.accounts.audited import AuditedKnowledge
from core.accounts.secrets import Passwords
from core.accounts.service import AccountsService
from core.accounts.store import AccountStore
from core.clock import SystemClock
from core.control import Command
from core.data_dir import DataDir
from core.privacy.service import Running
from core.rag.assembly import Rag, open_rag
from core.rag.knowledge import Knowledge
from core.storage.client import Database
from core.storage.embedded import EmbeddedStore
from core.wording import Words
from core.worker import LocalLease

if TYPE_CHECKING:
    from composition.live import Serving


class Center:
    """What stands on one store: commands use it at rest, `Serving` brings it to life."""

    def __init__(
        self,
        settings: Settings,
        data_dir: DataDir,
        db: Database,
        *,
        store: EmbeddedStore | None = None,
    ) -> None:

        self.settings, self.data_dir, self.db = settings, data_dir, db
        self.closing = AsyncExitStack()
        self.clock, self.lease = SystemClock(), LocalLease()
        self.secret_key = settings.server.secret_key or data_dir.secret_key()
        self.words = Words.load(LOCALES)
        self.live: Serving | None = None
        self._rag: Rag | None = None
        self._resting: Trust | None = None
        self.audit = Audit(db, clock=self.clock)
        self.facts = FactStore(db, clock=self.clock)
        self.studio = Studio(data_dir.path / "charts", self.words)
        self.account_store, self.passwords = AccountStore(db), Passwords()
        self.accounts = AccountsService(
            self.account_store, audit=self.audit, clock=self.clock, passwords=self.passwords
        )
        self.catalog, self.host, self.plugins, self.conformance = open_plugins(self)
        self.privacy = open_privacy(self, store=store)

    @property
    def base_url(self) -> str:
        """How people reach us."""
        server = self.settings.server
        host = "127.0.0.1" if server.host in ("0.0.0.0", "::") else server.host  # noqa: S104
        serves = self.live is not None and self.live.web.listening
        port = self.live.web.port if self.live and serves else server.port
        return server.public_url or f"http://{host}:{port}"

    def commands(self) -> Mapping[str, Command]:
        """Everything the command line can ask for."""
        return commands_of(self)

    def running(self) -> Running:
        """What an erasure has to tell; at rest nobody listens, and the next start catches up."""
        if self.live is not None:
            return self.live.running
        return running_at_rest(self.db, clock=self.clock)

    async def rag(self) -> Rag:
        """Retrieval and answering, opened at the first use: the model takes a second to load."""
        if self._rag is None:
            self._rag = await open_rag(
                self.closing,
                vectors=self.settings.vectors,
                data_dir=self.data_dir.path,
                db=self.db,
                clock=self.clock,
            )
            self._rag.knowledge.on_changed(AuditedKnowledge(self.audit).changed)
        return self._rag

    async def knowledge(self) -> Knowledge:
        """The knowledge base, opened at the first use."""
        rag = await self.rag()
        if self.live is None and self._resting is None:
            # A document that changes at rest, too, takes back what it taught.
            self._resting = await trust_at_rest(self, rag)
        return rag.knowledge

    async def replay(
        self,
        since: str,
        threshold: float | None,
        prompt: Path | None,
        model: str,
        progress: Callable[[int, int], None],
    ) -> Replayed:
        """Ask what was asked since then again, against a change; nobody hears the answers."""
        return await ask_again(self, since, threshold, prompt, model, progress)

    async def forget_memories(self) -> int:
        """Forget what answering remembers of questions; how many there were."""
        forgotten = self._rag.embedder.forget() if self._rag else 0
        if self.live is not None:
            await self.live.answers.stop()
        return forgotten
