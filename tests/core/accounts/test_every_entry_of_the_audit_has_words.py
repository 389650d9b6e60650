"""The audit page says in both languages what each entry means."""

from __future__ import annotations

import ast

from core.events import Decision
from core.rag.changes import Deed
from core.wording import Words
from tests.support.process import ROOT
from tests.support.world import LOCALES

MADE_UP = {
    *(f"draft.{decision.value}" for decision in Decision),
    *(f"knowledge.{deed.value}" for deed in Deed),
    *(f"sign_in.{how}" for how in ("link", "password", "oidc")),
    "plugin.enable", "plugin.disable", "plugin.configure",
    "draft.undo", "draft.retry", "delivery.retry",
    *(f"conversation.{deed}" for deed in ("take_over", "hand_back", "resolve")),
}  # fmt: skip
"""Names that are put together, or go through another place first."""


def recorded() -> set[str]:
    """The names given to `record(…)` anywhere."""
    found: set[str] = set()
    for folder in ("core", "approvals", "analytics", "plugins", "composition"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                    continue
                if node.func.attr != "record":
                    continue
                given = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "what")]
                found |= {
                    g.value
                    for g in given
                    if isinstance(g, ast.Constant) and isinstance(g.value, str)
                }
    return found


def test_in_both_languages() -> None:
    names = recorded() | MADE_UP
    assert len(names) > 30
    words = Words.load(LOCALES)
    wanted = {name.replace(".", "_") for name in names}
    for locale in ("en", "ko"):
        known = words.section("audit.deeds", locale)
        assert wanted - set(known) == set()
        assert set(known) - wanted == set()
    assert words.text("audit.deeds.knowledge_add", "ko") != words.text(
        "audit.deeds.knowledge_add", "en"
    )
