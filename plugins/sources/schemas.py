"""The JSON of `/api/sources`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from core.web.http.responses import iso
from core.web.http.routing import Fields, Strict, Whole
from plugins.sources.model import ConfiguredSource
from plugins.sources.service import SourceChoice, Texts

SettingValue = str | int | float | bool | None


class SourceBody(Strict):
    """A change to a source; fields that are left out stay."""

    name: str | None = Field(default=None, max_length=100)
    settings: dict[str, SettingValue] | None = Field(default=None, max_length=100)
    every: Whole | None = Field(default=None, ge=0, le=525_600, description="Minutes; 0: never.")
    topic: str | None = Field(default=None, max_length=100)
    lang: str | None = Field(default=None, max_length=10)
    share: float | None = Field(default=None, ge=0, le=1)
    paused: bool | None = None

    def choice(self) -> SourceChoice:
        """In the service's words."""
        return SourceChoice(
            name=self.name, settings=self.settings, every=self.every, topic=self.topic,
            lang=self.lang, share=self.share, paused=self.paused,
        )  # fmt: skip


class NewSource(SourceBody):
    """A source to be."""

    kind: str = Field(min_length=1, max_length=40)
    id: str = Field(default="", max_length=32)


class RemovalQuery(Fields):
    """The fate of a removed source's articles."""

    keep: bool = False


class SettleBody(Strict):
    """A person's word on what waits."""

    decision: Literal["approve", "reject"]
    version: str = Field(max_length=100, description="As GET has given it.")
    addresses: list[str] | None = Field(
        default=None, max_length=1000, description="Those that are meant; left out: all."
    )


class SourceCountsView(BaseModel):
    """Documents of the last sync."""

    read: int
    unchanged: int
    unread: int
    added: int
    changed: int
    removed: int
    waiting: int


class SourceView(BaseModel):
    """One source as it is now; of secrets only the names."""

    id: str
    kind: str
    name: str
    settings: dict[str, SettingValue]
    secrets: list[str]
    private_hosts: list[str]
    every: int
    topic: str
    lang: str
    share: float
    paused: bool
    hook: bool
    state: str
    done: int
    documents: int
    counts: SourceCountsView
    error: str
    started_at: str | None = Field(json_schema_extra={"format": "date-time"})
    ended_at: str | None = Field(json_schema_extra={"format": "date-time"})
    next_at: str | None = Field(json_schema_extra={"format": "date-time"})


class SourceListView(BaseModel):
    """Every source, by id."""

    items: list[SourceView]


class TextView(BaseModel):
    """An article of a document."""

    title: str
    text: str


class WaitingView(BaseModel):
    """A change that waits, with before and after."""

    address: str
    change: str
    reasons: list[str]
    before: list[TextView]
    after: list[TextView]


class WaitingListView(BaseModel):
    """The waiting changes of a source; `version` goes back with the decision."""

    items: list[WaitingView]
    total: int
    version: str


class SettledView(BaseModel):
    """The number of documents that the decision was on."""

    documents: int


class HookView(BaseModel):
    """A webhook; the secret is shown this once."""

    path: str
    secret: str


class KindView(BaseModel):
    """A kind of source that is installed."""

    id: str
    name: str
    description: str
    problem: str


class KindListView(BaseModel):
    """Kinds of sources."""

    items: list[KindView]


def state_of(source: ConfiguredSource) -> str:
    """The state in one word: new, asked, syncing, failing, paused, fresh."""
    state = source.state
    if state.run:
        return "syncing"
    if state.asked:
        return "asked"
    if state.error:
        return "failing"
    if source.paused:
        return "paused"
    return "fresh" if state.ended_at else "new"


def view_of(source: ConfiguredSource) -> SourceView:
    """The source as it is shown."""
    state = source.state
    return SourceView(
        id=source.id, kind=source.plugin, name=source.name, settings=dict(source.settings),
        secrets=sorted(source.sealed), private_hosts=list(source.private_hosts),
        every=source.every, topic=source.topic, lang=source.lang, share=source.share,
        paused=source.paused, hook=bool(source.hook), state=state_of(source), done=state.done,
        documents=state.documents, counts=SourceCountsView(**_counts(source)), error=state.error,
        started_at=_at(state.started_at), ended_at=_at(state.ended_at), next_at=_at(state.next_at),
    )  # fmt: skip


def waiting_view(text: Texts) -> WaitingView:
    """A waiting change as it is shown."""
    return WaitingView(
        address=text.row.address,
        change=text.kind.value,
        reasons=list(text.row.waits),
        before=[TextView(title=title, text=said) for title, said in text.before],
        after=[TextView(title=title, text=said) for title, said in text.after],
    )


def _counts(source: ConfiguredSource) -> dict[str, int]:
    counts = source.state.counts
    return {name: getattr(counts, name) for name in SourceCountsView.model_fields}


def _at(at: datetime | None) -> str | None:
    return iso(at) if at is not None else None
