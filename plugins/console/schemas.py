"""The JSON of `/api/plugins`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from core.web.http.responses import iso
from core.web.http.routing import Strict
from plugins.console.conformance_runs import Stage, Trial
from plugins.host.host import Plugin
from plugins.registry.forms import SettingsForm

SettingValue = str | int | float | bool | None


class SettingsBody(Strict):
    """Settings by name; null takes one back, an empty secret leaves it as it is."""

    settings: dict[str, SettingValue] = Field(default_factory=dict, max_length=100)


class Traffic(BaseModel):
    """Counts since the process began."""

    accepted: int
    delivered: int
    last_at: str | None


class TestResult(BaseModel):
    """The last run of the conformance tests."""

    passed: int
    failed: int
    at: str
    failures: list[str]


class PluginView(BaseModel):
    """One plugin as it is now."""

    id: str
    name: str
    version: str
    origin: str
    description: str
    homepage: str
    enabled: bool
    configured: bool
    state: str
    hears: bool = Field(description="What customers write is taken in.")
    speaks: bool = Field(description="What we write goes out; else it waits.")
    reason: str
    since: str
    retry_at: str | None
    traffic: Traffic
    last_error: str
    last_error_at: str | None
    changed_by: str
    changed_at: str | None
    test: TestResult | None
    testing: bool


class FieldWords(BaseModel):
    """A setting in another language than English; "" where nothing is said."""

    label: str
    help: str


class FieldView(BaseModel):
    """One setting; a secret's value is never shown."""

    name: str
    label: str
    kind: str
    help: str
    required: bool
    choices: list[str]
    value: Any
    is_set: bool
    source: str
    translations: dict[str, FieldWords]


class PluginDetail(PluginView):
    """One plugin with its settings."""

    settings: list[FieldView]
    settings_schema: dict[str, Any]


class PluginList(BaseModel):
    """Every plugin; there is always one page."""

    items: list[PluginView]
    next: str | None


class CheckResult(BaseModel):
    """The outcome of a connection check."""

    ok: bool
    detail: str


class SheetLine(BaseModel):
    """One conformance test."""

    name: str
    outcome: str
    detail: str


class TrialView(BaseModel):
    """The newest run of the conformance tests: how far it is, or what came out."""

    stage: Stage
    at: str | None
    passed: int
    failed: int
    lines: list[SheetLine]
    trouble: str


def view(plugin: Plugin, *, testing: bool) -> PluginView:
    """The plugin as the API shows it; `testing` while its tests run."""
    manifest, status, contract = plugin.found.manifest, plugin.status, plugin.choice.contract
    return PluginView(
        id=plugin.id,
        name=manifest.name if manifest else plugin.id,
        version=manifest.version if manifest else "",
        origin=plugin.found.origin,
        description=manifest.description if manifest else "",
        homepage=manifest.homepage if manifest else "",
        enabled=plugin.wanted.enabled,
        configured=plugin.configured,
        state=status.state,
        hears=status.hears,
        speaks=status.speaks,
        reason=status.reason,
        since=iso(status.since),
        retry_at=iso_or_none(status.retry_at),
        traffic=Traffic(
            accepted=status.accepted,
            delivered=status.delivered,
            last_at=iso_or_none(status.last_traffic),
        ),
        last_error=status.last_error,
        last_error_at=iso_or_none(status.last_error_at),
        changed_by=plugin.choice.changed_by,
        changed_at=iso_or_none(plugin.choice.changed_at),
        test=None
        if contract is None
        else TestResult(
            passed=contract.passed,
            failed=contract.failed,
            at=iso(contract.at),
            failures=list(contract.failures),
        ),
        testing=testing,
    )


def detail(plugin: Plugin, form: SettingsForm, *, testing: bool) -> PluginDetail:
    """The plugin with its form."""
    return PluginDetail(
        **view(plugin, testing=testing).model_dump(),
        settings=[
            FieldView(
                name=field.name,
                label=field.label,
                kind=field.kind,
                help=field.help,
                required=field.required,
                choices=list(field.choices),
                value=field.value,
                is_set=field.is_set,
                source=field.source,
                translations={
                    locale: FieldWords(label=words.label, help=words.help)
                    for locale, words in field.words.items()
                },
            )
            for field in form.fields
        ],
        settings_schema=dict(form.schema),
    )


def trial_view(trial: Trial) -> TrialView:
    """The run as the API shows it."""
    return TrialView(
        stage=trial.stage,
        at=iso_or_none(trial.at),
        passed=trial.passed,
        failed=sum(line.failed for line in trial.lines),
        lines=[SheetLine(name=i.name, outcome=i.outcome, detail=i.detail) for i in trial.lines],
        trouble=trial.trouble,
    )


def iso_or_none(at: datetime | None) -> str | None:
    """ISO 8601, or nothing."""
    return None if at is None else iso(at)
