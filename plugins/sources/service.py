"""The service of sources that every face (console, API, command line) calls."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from core.accounts.roles import Action, User
from core.accounts.secret_box import SecretBox
from core.accounts.service import OPERATOR
from core.clock import Clock
from core.errors import BadInput, NotFound, WebhookRefused
from core.rag.knowledge.identity import file_of
from core.rag.knowledge_base.service import Knowledge
from core.rag.reading.wire import from_json
from core.sdk.plugin import is_plugin_id
from core.sdk.source import ChecksSource, SourcePlugin
from plugins.host.service import Records
from plugins.host.states import settings_sentence, shown
from plugins.registry.catalog import Found
from plugins.registry.egress import changed_places
from plugins.registry.forms import SettingsForm, form_of, secret_names
from plugins.registry.settings_changes import refuse_unknown, require_secrets, with_changes
from plugins.registry.store import ChangedMeanwhile
from plugins.sources.model import SHORTEST, ChangeKind, ConfiguredSource, Row
from plugins.sources.opening import SourceOpener
from plugins.sources.schedule import SyncSchedule
from plugins.sources.store import SourceRows, SourceStore
from plugins.sources.sync import Syncs

CHECK_SECONDS = 60.0
SIGNATURE = "x-hub-signature-256"  #: as GitHub, Gitea and many others sign
_HOST = re.compile(r"[a-z0-9.:\-]{1,253}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The texts of a waiting document, in the knowledge and in the source."""

    row: Row
    kind: ChangeKind
    before: Sequence[tuple[str, str]] = ()  #: titles and texts
    after: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChoice:
    """A wish about a source; None leaves a field as it is."""

    name: str | None = None
    settings: Mapping[str, Any] | None = None
    every: int | None = None
    topic: str | None = None
    lang: str | None = None
    share: float | None = None
    paused: bool | None = None
    private_hosts: Sequence[str] | None = None  #: the operator's to say


class SourceService:
    """Sets up, syncs and settles sources, each with the right it needs."""

    def __init__(
        self,
        store: SourceStore,
        rows: SourceRows,
        opener: SourceOpener,
        syncs: Syncs,
        schedule: SyncSchedule,
        *,
        seal: SecretBox,
        audit: Records,
        knowledge: Callable[[], Awaitable[Knowledge]],
        clock: Clock,
    ) -> None:
        self._store = store
        self._rows = rows
        self._opener = opener
        self._syncs = syncs
        self.schedule = schedule
        self._seal = seal
        self._audit = audit
        self._knowledge = knowledge
        self._clock = clock

    def kinds(self, user: User) -> Mapping[str, Found]:
        """Every kind of source that is installed."""
        user.require(Action.KNOWLEDGE_READ)
        return self._opener.kinds()

    async def form(self, user: User, kind: str, *, source_id: str = "") -> SettingsForm:
        """The settings of a kind, with those of a source in it. Raises NotFound, BadInput."""
        user.require(Action.KNOWLEDGE_READ)
        plugin = await self._opener.plugin(kind)
        source = await self._store.get(source_id) if source_id else None
        found = self._opener.kinds().get(kind)
        return form_of(
            plugin.settings,
            values=source.settings if source else {},
            from_environment=(),
            chosen={*source.settings, *source.sealed} if source else (),
            words=found.manifest.words if found and found.manifest else None,
        )

    async def list(self, user: User) -> Sequence[ConfiguredSource]:
        """Every source, by id."""
        user.require(Action.KNOWLEDGE_READ)
        return await self._store.all()

    async def get(self, user: User, source_id: str) -> ConfiguredSource:
        """One of them. Raises NotFound."""
        user.require(Action.KNOWLEDGE_READ)
        return await self._store.get(source_id)

    async def add(
        self,
        user: User,
        kind: str,
        choice: SourceChoice,
        *,
        source_id: str = "",
        address: str = "",
    ) -> ConfiguredSource:
        """Set up a source; its first sync begins at once. Raises BadInput, ChangedMeanwhile."""
        user.require(Action.KNOWLEDGE_CHANGE)
        plugin = await self._opener.plugin(kind)
        taken = {source.id for source in await self._store.all()}
        if source_id and not is_plugin_id(source_id):
            raise BadInput(
                f"{source_id!r} is no id of a source: lower-case letters, digits and '-', "
                "3 to 32 characters."
            )
        new = ConfiguredSource(
            id=source_id or _free_id(kind, choice.settings or {}, taken), plugin=kind, name=""
        )
        source = await self._changed(user, new, choice, plugin)
        source = replace(source, name=source.name or source.id)
        stored = await self._store.put(source)
        await self._store.ask(stored.id, by=user.email)
        await self._audit.record(
            "source.add", who=user.email, address=address, subject=source.id, after=_told(source)
        )
        self.schedule.wake()
        return await self._store.get(stored.id)

    async def change(
        self, user: User, source_id: str, choice: SourceChoice, *, address: str = ""
    ) -> ConfiguredSource:
        """Change what is said of a source. Raises NotFound, BadInput, ChangedMeanwhile."""
        user.require(Action.KNOWLEDGE_CHANGE)
        before = await self._store.get(source_id)
        source = await self._changed(user, before, choice, await self._opener.plugin(before.plugin))
        stored = await self._store.put(source)
        now = self._clock.now()
        await self._store.note(source_id, {"next_at": stored.next_after(now, failures=0)})
        await self._audit.record(
            "source.change", who=user.email, address=address, subject=source_id,
            before=_told(before), after=_told(source),
        )  # fmt: skip
        self.schedule.wake()
        return await self._store.get(source_id)

    async def remove(
        self, user: User, source_id: str, *, keep: bool = False, address: str = ""
    ) -> int:
        """Forget a source, and its articles unless `keep`; how many documents these were of."""
        user.require(Action.KNOWLEDGE_CHANGE)
        source = await self._store.get(source_id)
        rows = [row for row in await self._rows.of(source_id) if row.applied]
        # First the source: a sync that runs finds that it is nobody's any more.
        await self._store.remove(source_id)
        if rows and not keep:
            files = {file_of(source_id, row.address) for row in rows}
            await (await self._knowledge()).take_from_source(
                {}, gone=files, subject=f"source {source_id}", by=user.email
            )
        await self._rows.forget(source_id)
        await self._audit.record(
            "source.remove", who=user.email, address=address, subject=source_id,
            before=_told(source), after={"kept": keep, "documents": len(rows)},
        )  # fmt: skip
        return len(rows)

    async def ask(self, user: User, source_id: str, *, address: str = "") -> ConfiguredSource:
        """Have it synced now. Raises NotFound."""
        user.require(Action.KNOWLEDGE_CHANGE)
        await self._store.ask(source_id, by=user.email)
        await self._audit.record("source.sync", who=user.email, address=address, subject=source_id)
        self.schedule.wake()
        return await self._store.get(source_id)

    async def sync_here(self, user: User, source_id: str) -> ConfiguredSource:
        """Sync it in this process, where none runs the schedule. Raises NotFound."""
        user.require(Action.KNOWLEDGE_CHANGE)
        await self._syncs.sync(await self._store.get(source_id))
        return await self._store.get(source_id)

    async def check(self, user: User, source_id: str) -> str:
        """Whether its settings work, in a sentence. Raises as the source does."""
        user.require(Action.KNOWLEDGE_CHANGE)
        async with self._opener.opened(await self._store.get(source_id)) as (source, lane):
            if not isinstance(source, ChecksSource):
                return "The settings are complete; this kind has no other check."
            return shown(await lane.run(source.check, within=CHECK_SECONDS))

    async def waiting(self, user: User, source_id: str) -> Sequence[Row]:
        """The changes that wait for a person."""
        user.require(Action.KNOWLEDGE_READ)
        await self._store.get(source_id)
        return [row for row in await self._rows.of(source_id) if row.waits and row.change]

    async def unread(self, user: User, source_id: str) -> Sequence[Row]:
        """The documents that could not be read the last time."""
        user.require(Action.KNOWLEDGE_READ)
        return [row for row in await self._rows.of(source_id) if row.why]

    async def texts(self, user: User, source_id: str, rows: Sequence[Row]) -> Sequence[Texts]:
        """What these say before and after."""
        user.require(Action.KNOWLEDGE_READ)
        before = await (await self._knowledge()).of_source(
            [file_of(source_id, r.address) for r in rows]
        )
        after = await self._rows.readings(source_id, [r.address for r in rows if r.found])
        return [
            Texts(
                row=row,
                kind=row.change,
                before=[
                    (s.article.title, s.article.text)
                    for s in before[file_of(source_id, row.address)]
                ],
                after=[(a.title, a.text) for a in from_json(after[row.address]).articles]
                if row.found and row.address in after
                else [],
            )
            for row in rows
            if row.change is not None
        ]

    async def settle(
        self,
        user: User,
        source_id: str,
        *,
        approve: bool,
        version: str,
        addresses: Collection[str] | None = None,
        address: str = "",
    ) -> int:
        """Take in what waits, or refuse it; how many documents that were.

        `version` is what the person has looked at (`version_of`); `addresses` are those they mean,
        None for all. Raises NotFound, ChangedMeanwhile.
        """
        user.require(Action.KNOWLEDGE_CHANGE)
        source = await self._store.get(source_id)
        rows = await self.waiting(user, source_id)
        if version_of(rows) != version:
            raise ChangedMeanwhile("Something else waits by now; look at it again.")
        meant = [row for row in rows if addresses is None or row.address in addresses]
        if addresses is not None and len(meant) != len(set(addresses)):
            raise NotFound("Not all of these wait.")
        if approve:
            await self._syncs.apply(source, meant, by=user.email)
        else:
            await self._rows.refuse(meant)
        left = len(rows) - len(meant)
        everything = await self._rows.of(source_id)
        await self._store.note(
            source_id,
            {"counts.waiting": left, "documents": sum(bool(r.applied) for r in everything)},
        )
        await self._audit.record(
            "source.approve" if approve else "source.reject",
            who=user.email, address=address, subject=source_id,
            after={"documents": len(meant), "version": version},
        )  # fmt: skip
        return len(meant)

    async def new_hook(self, user: User, source_id: str, *, address: str = "") -> str:
        """A new secret for the source's webhook, shown this once. Raises NotFound."""
        user.require(Action.KNOWLEDGE_CHANGE)
        source = await self._store.get(source_id)
        secret = secrets.token_urlsafe(32)
        hook = self._seal.close(source_id, "hook", secret)
        changed = replace(source, hook=hook, changed_by=user.email, changed_at=self._clock.now())
        await self._store.put(changed)
        await self._audit.record("source.hook", who=user.email, address=address, subject=source_id)
        return secret

    async def hooked(self, source_id: str, *, body: bytes, signature: str) -> None:
        """Somebody's webhook wants a sync. Raises WebhookRefused for a wrong signature."""
        try:
            source = await self._store.get(source_id)
        except NotFound as error:
            raise WebhookRefused from error
        secret = self._seal.open(source_id, "hook", source.hook) if source.hook else ""
        right = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        if not secret or not hmac.compare_digest(right.encode(), signature.encode()):
            raise WebhookRefused
        await self._store.ask(source_id, by="webhook")
        self.schedule.wake()

    async def _changed(
        self,
        user: User,
        source: ConfiguredSource,
        choice: SourceChoice,
        plugin: SourcePlugin[Any],
    ) -> ConfiguredSource:
        """The source with this choice. Raises BadInput."""
        operator = user.id == OPERATOR.id
        given, secrets = choice.settings or {}, secret_names(plugin.settings)
        refuse_unknown(plugin.settings, given)
        stored = with_changes(source, given, secrets=secrets, seal=self._seal, by_operator=operator)
        if not operator:
            moved = changed_places(source.settings, stored.settings)
            require_secrets(moved, given, kept=source.sealed)
        changed = replace(
            source,
            settings=stored.settings,
            sealed=stored.sealed,
            vouched=stored.vouched,
            changed_by=user.email,
            changed_at=self._clock.now(),
        )
        changed = _with_choice(changed, choice, operator=operator)
        try:
            plugin.settings.model_validate(self._opener.values(changed))
        except ValidationError as error:
            raise BadInput(settings_sentence(error)) from error
        return changed


def version_of(rows: Sequence[Row]) -> str:
    """What a person has looked at: other rows, or others' contents, are another version."""
    said = "\n".join(f"{row.address} {row.found} {row.applied}" for row in rows)
    return hashlib.blake2b(said.encode(), digest_size=12).hexdigest()


def _with_choice(
    source: ConfiguredSource, choice: SourceChoice, *, operator: bool
) -> ConfiguredSource:
    if choice.private_hosts is not None:
        if not operator:
            raise BadInput("Private hosts are the operator's to allow, on the command line.")
        for host in choice.private_hosts:
            if not _HOST.fullmatch(host):
                raise BadInput(f"{host!r} is no host.")
        source = replace(source, private_hosts=tuple(sorted(set(choice.private_hosts))))
    if choice.every is not None:
        if choice.every and choice.every < SHORTEST:
            raise BadInput(f"Between two syncs lie at least {SHORTEST} minutes; 0 is on demand.")
        source = replace(source, every=choice.every)
    if choice.share is not None:
        if not 0 <= choice.share <= 1:
            raise BadInput("The share lies between 0 and 1.")
        source = replace(source, share=choice.share)
    return replace(
        source,
        name=source.name if choice.name is None else choice.name.strip()[:100],
        topic=source.topic if choice.topic is None else choice.topic.strip()[:100],
        lang=source.lang if choice.lang is None else choice.lang.strip()[:10],
        paused=source.paused if choice.paused is None else choice.paused,
    )


def _free_id(kind: str, settings: Mapping[str, Any], taken: Collection[str]) -> str:
    """An id that says what the source is: by its host, else by its kind."""
    hosts = [urlsplit(v).hostname or "" for v in settings.values() if "://" in str(v)]
    bare = re.sub(r"[^a-z0-9]+", "-", (hosts[0] if hosts else kind).removeprefix("www."))
    bare = bare.strip("-").lstrip("0123456789-")[:28].strip("-")
    bare = bare if is_plugin_id(bare) else kind
    found, number = bare, 2
    while found in taken:
        found, number = f"{bare[:28]}-{number}", number + 1
    return found


def _told(source: ConfiguredSource) -> dict[str, Any]:
    """A source as the audit may show it: of secrets only the names."""
    return {
        "plugin": source.plugin,
        "name": source.name,
        "settings": dict(source.settings),
        "sealed": sorted(source.sealed),
        "private_hosts": list(source.private_hosts),
        "every": source.every,
        "share": source.share,
        "paused": source.paused,
    }
