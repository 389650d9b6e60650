"""Alerts and the dashboard ask for numbers that are there, and name runbooks that are written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from app import App
from core.attachments.blobs import FileBlobs
from core.backup.dump import Dump
from core.backup.scheduled import ScheduledBackups
from core.runtime.host.watchdog import LoopWatchdog
from tests.support.process import ROOT

DEPLOY = ROOT / "deploy"
#: What Prometheus has by itself.
THEIRS = {"up"}
_SELECTOR = re.compile(r"\b(up|(?:contact_center|http)_[a-z_]+)\s*(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_BY = re.compile(r"\bby\s*\(([^)]*)\)")


def alerts() -> list[Mapping[str, object]]:
    """Every alert of the file."""
    groups = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[str]:
    """Everything that is asked of Prometheus."""
    yield from (str(rule["expr"]) for rule in alerts())
    board = json.loads((DEPLOY / "grafana/contact-center.json").read_text())
    yield from (target["expr"] for panel in board["panels"] for target in panel["targets"])


def known(registry: CollectorRegistry) -> dict[str, set[str]]:
    """Every number by the name that Prometheus stores it under, with its labels."""
    found: dict[str, set[str]] = {}
    for collector, names in registry._collector_to_names.items():
        labels = set(getattr(collector, "_labelnames", ()))
        for name in names:
            found[name] = labels | ({"le"} if name.endswith("_bucket") else set())
    return found


@pytest.mark.apart
async def test_every_number_that_is_asked_for_is_there(app: App, tmp_path: Path) -> None:
    registry = app.core.registry
    watchdog = LoopWatchdog(registry)
    watchdog.start()
    watchdog.stop()
    dump = Dump(
        app.db, data_dir=tmp_path, blobs=FileBlobs(tmp_path), clock=app.core.clock, left_out=()
    )
    ScheduledBackups(dump, folder=tmp_path, keep=1, key="", clock=app.core.clock, registry=registry)
    numbers = known(registry)
    asked = 0
    for expression in expressions():
        for name, selector in _SELECTOR.findall(expression):
            if name in THEIRS:
                continue
            assert name in numbers, f"{expression}: {name} is no number of ours"
            assert set(_LABEL.findall(selector)) <= numbers[name], expression
            for by in _BY.findall(expression):
                assert {label.strip() for label in by.split(",")} <= numbers[name], expression
            asked += 1
    assert asked > 25


def test_every_alert_says_what_is_wrong_and_where_it_is_written_what_to_do() -> None:
    assert len(alerts()) > 10
    for rule in alerts():
        annotations, labels = rule["annotations"], rule["labels"]
        assert isinstance(annotations, dict)
        assert isinstance(labels, dict)
        assert (ROOT / annotations["runbook"]).is_file(), annotations["runbook"]
        assert annotations["summary"].endswith(".")
        assert labels["severity"] in ("page", "ticket")
