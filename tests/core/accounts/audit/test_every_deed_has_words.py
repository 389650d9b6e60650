"""Whatever is recorded is named in words on the audit's page, in every language of the console."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from core.domain.events import Decision
from core.domain.knowledge_change import Deed
from core.i18n import Words
from core.runtime.shipped import LOCALES
from tests.support.process import PRODUCT, ROOT

NAME = re.compile(r"[a-z_]+(?:\.[a-z_]+)?")
#: what stands in the braces of a name that is made at run time
MADE = {
    "draft.": [decision.value for decision in Decision],
    "knowledge.": [deed.value for deed in Deed],
    "consent.": ["opt_in", "opt_out"],
    "sign_in.": ["link", "link_of_another", "oidc", "password"],
}
#: names that go through another place before they are recorded
ELSEWHERE = (
    "plugin.enable",
    "plugin.disable",
    "plugin.configure",
    "draft.undo",
    "draft.retry",
    "delivery.retry",
    "conversation.search",
    "settings.change",
    *(f"draft.{decision.value}" for decision in Decision),
    *(f"knowledge.{deed.value}" for deed in Deed),
    *(f"conversation.{deed}" for deed in ("take_over", "hand_back", "resolve")),
)


def recorded() -> dict[str, str]:
    """Each name of a deed in the source, and where."""
    found: dict[str, str] = {}
    for folder in PRODUCT:
        for file in (ROOT / folder).rglob("*.py"):
            source = file.read_text(encoding="utf-8")
            if "udit" not in source:
                continue
            for node in ast.walk(ast.parse(source)):
                for named in _names(node):
                    found.update(dict.fromkeys(_every(named), f"{file}:{node.lineno}"))  # type: ignore[attr-defined]
    return found


def _names(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "record":
        yield from node.args[:1]
        yield from (k.value for k in node.keywords if k.arg == "what")
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        yield from node.value.elts[:1]  # as core/accounts/audit/projection.py tells of events


def _every(named: ast.expr) -> Iterator[str]:
    if isinstance(named, ast.Constant) and isinstance(named.value, str):
        if NAME.fullmatch(named.value):
            yield named.value
    elif isinstance(named, ast.IfExp):
        yield from (*_every(named.body), *_every(named.orelse))
    elif isinstance(named, ast.JoinedStr) and isinstance(named.values[0], ast.Constant):
        begins = str(named.values[0].value)
        yield from (begins + end for end in MADE.get(begins, ()))


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_every_deed_has_words(locale: str) -> None:
    names = recorded()
    assert {"conversation.tag", "consent.opt_in", "draft.approve", "user.role"} <= set(names)
    assert len(names) > 45
    known = Words.load(LOCALES).section("audit.deeds", locale)
    unnamed = {name: at for name, at in names.items() if name.replace(".", "_") not in known}
    assert unnamed == {}
    assert set(known) - {name.replace(".", "_") for name in [*names, *ELSEWHERE]} == set()
