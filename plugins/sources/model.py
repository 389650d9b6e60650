"""A source that an admin has set up, its state, and the changes that it brings."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

DAY = 24 * 60
SHORTEST = 5  #: minutes between two syncs
SILENT = timedelta(seconds=45)  #: a sync that says nothing for so long has ended with its process
RETRY = timedelta(minutes=5)  #: after a sync that failed; twice as long each time


class ChangeKind(enum.StrEnum):
    """The fate of a document since the source gave it last."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class Reason(enum.StrEnum):
    """Why a change waits for a person."""

    EMPTIED = "emptied"  #: nothing is left in the source
    LARGE = "large"  #: more is changed or gone than goes in by itself
    GREW = "grew"  #: more is new than goes in by itself: another site's pages, spam, a dump
    ALIKE = "alike"  #: many documents say the same now: a notice, a sign-in page
    CONTRADICTS = "contradicts"  #: it says otherwise than what is known from elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The counts of one sync, in documents."""

    read: int = 0  #: whose content came
    unchanged: int = 0
    unread: int = 0
    added: int = 0  #: taken into the knowledge, as the next two
    changed: int = 0
    removed: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """The state of a source."""

    run: str = ""  #: the sync that runs, "" for none
    beat: datetime | None = None  #: when it said last that it still runs
    done: int = 0  #: documents that it has gone through
    asked: bool = False  #: somebody wants a sync now
    asked_by: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    next_at: datetime | None = None
    documents: int = 0  #: that stand in the knowledge
    counts: Counts = field(default_factory=Counts)
    error: str = ""  #: of the last sync
    failures: int = 0  #: in a row
    whole_at: datetime | None = None  #: when a sync last ended that had everything

    def runs(self, now: datetime) -> bool:
        """Whether a sync runs, as far as anybody knows."""
        return bool(self.run) and self.beat is not None and now - self.beat < SILENT


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredSource:
    """One website, folder, help centre: a plugin with settings, and how it is dealt with."""

    id: str
    plugin: str
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    sealed: Mapping[str, str] = field(default_factory=dict)  #: secrets by name, unreadable
    vouched: tuple[str, ...] = ()  #: settings whose value the operator has named at the machine
    private_hosts: tuple[str, ...] = ()  #: that it may reach although they are in our network
    every: int = DAY  #: minutes between two syncs; 0: only when somebody asks
    topic: str = ""
    lang: str = ""
    share: float = 0.2  #: of the documents, that may change, go or come without a person
    paused: bool = False
    hook: str = ""  #: the webhook's secret, sealed; "" before there is one
    revision: int = 0  #: grows with every change; 0 is not stored yet
    changed_by: str = ""
    changed_at: datetime | None = None
    state: SourceState = field(default_factory=SourceState)

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be synced now."""
        state = self.state
        if state.runs(now):
            return False
        if state.asked or state.run:  # a run that was broken off goes on
            return True
        return bool(not self.paused and self.every and state.next_at and state.next_at <= now)

    def next_after(self, now: datetime, *, failures: int) -> datetime | None:
        """When the next sync is due; None: when somebody asks."""
        if not self.every:
            return None
        usual = timedelta(minutes=self.every)
        return now + (min(usual, RETRY * 2 ** min(failures - 1, 10)) if failures else usual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One document of a source: as it was found last, and as it stands in the knowledge."""

    source: str
    address: str
    etag: str = ""
    modified: str = ""
    memo: str = ""
    raw: str = ""  #: SHA-256 of the content that was read last
    read_at: datetime | None = None
    found: str = ""  #: digest of what was read; "" where nothing is there (any more)
    applied: str = ""  #: digest of what stands in the knowledge; "" for nothing
    refused: str | None = None  #: a digest that a person does not want, "" for its removal
    why: str = ""  #: why it could not be read the last time
    run: str = ""  #: the sync that saw it last
    waits: tuple[str, ...] = ()  #: reasons, each with its particulars
    wordings: str = ""  #: digest of its bare text, the same for the same text elsewhere

    @property
    def change(self) -> ChangeKind | None:
        """What is to be done for the knowledge to say what the source says."""
        if self.found == self.applied or self.found == self.refused:
            return None
        if not self.applied:
            return ChangeKind.ADDED
        return ChangeKind.CHANGED if self.found else ChangeKind.REMOVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The judgement on a diff: changes that go in by themselves, and those that wait."""

    goes: Sequence[Row] = ()
    waits: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: reasons by address
