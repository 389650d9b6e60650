"""Two files contradict each other: a person decides, until one of them is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.served import Json, Served, served

pytestmark = pytest.mark.timeout(180)

ASKED = "How long can I return an item?"
FILES = {
    "returns.md": (
        "# How long can I return an item?\n\nYou can return items within 14 days of delivery.\n"
    ),
    "shop.md": "# Our shop\n\n## Returns\n\nItems can be returned within 30 days of delivery.\n\n"
    "## Opening hours\n\nWe are open from nine to five on weekdays.\n",
    "korean.md": "# 반품은 며칠 안에 해야 하나요?\n\n받은 날부터 14일 안에 반품할 수 있습니다.\n",
    "korean-shop.md": "# 이용 안내\n\n## 반품\n\n받은 날부터 30일 안에 반품할 수 있습니다.\n",
}
KOREAN = "반품은 며칠 안에 해야 하나요?"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("disagree")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    with served(folder) as site:
        added = site.bot("kb", "add", *FILES)
        assert added.code == 0, added.err
        yield site


def article(site: Served, name: str) -> str:
    """The id of the article that a file is."""
    (found,) = [line for line in site.bot("kb", "list").out.splitlines() if name in line]
    return found.split()[0]


def held(site: Served, question: str, locale: str, agent: str) -> Json:
    """The draft that waits, once the customer knows that it does."""
    chat = site.chat(question, locale=locale)
    chat.until(lambda c: c["status"] == "review", seconds=30)
    assert chat.texts("ai") == []
    return site.waiting(chat, agent)


@pytest.mark.parametrize(
    ("question", "locale", "both", "gone"),
    [
        (ASKED, "en", ("within 14 days", "within 30 days"), "Our shop"),
        (KOREAN, "ko", ("14일 안에", "30일 안에"), "이용 안내"),
    ],
)
def test_until_one_of_them_is_removed(
    site: Served, question: str, locale: str, both: tuple[str, str], gone: str
) -> None:
    agent = site.token(f"{locale}@example.com", "agent")
    draft = held(site, question, locale, agent)
    assert "contradicted" in str(draft["reasons"])
    page = site.get(f"/api/approvals/{draft['id']}", token=agent).text
    assert "contradicted" in page
    audit = site.bot("kb", "audit")
    assert audit.code == 0
    assert all(words in audit.out for words in both)
    supervisor = site.token(f"{locale}@boss.example", "supervisor")
    listed = site.get("/console/knowledge/disagreements", token=supervisor)
    assert listed.status_code == 200
    assert all(words in listed.text for words in both)
    assert site.get("/console/knowledge/disagreements", token=agent).status_code == 403
    assert site.bot("kb", "remove", article(site, gone)).code == 0
    again = site.chat(question, locale=locale)
    seen = again.until(lambda c: any(m["author"] == "ai" for m in c["messages"]), seconds=30)
    assert seen["status"] == "ai"
    assert both[0] in again.texts("ai")[0]
    audit = site.bot("kb", "audit")
    assert not any(words in audit.out for words in both)
    listed = site.get("/console/knowledge/disagreements", token=supervisor)
    assert not any(words in listed.text for words in both)
