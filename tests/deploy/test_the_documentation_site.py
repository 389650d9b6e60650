"""What the documentation site is put together of: every guide, sound links, the whole API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SITE: dict[str, Any] = {"__name__": "docs", "__file__": str(ROOT / ".ci/docs.py")}
exec((ROOT / ".ci/docs.py").read_text(), SITE)
DOCUMENT = {
    "info": {"version": "9.9", "description": "Times are UTC."},
    "paths": {
        "/api/orders/{id}": {
            "post": {
                "summary": "Change an order",
                "tags": ["orders"],
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/x/Order"}}}},
                "responses": {"200": {"description": "OK"}},
            }
        }
    },
    "components": {
        "schemas": {
            "Order": {
                "required": ["size"],
                "properties": {
                    "size": {"enum": ["s", "m"], "description": "a|b"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
            }
        }
    },
}


def test_every_link_of_the_repository_s_documents_leads_somewhere(tmp_path: Path) -> None:
    SITE["assemble"](DOCUMENT, tmp_path)
    made = {str(p.relative_to(tmp_path / "docs")) for p in (tmp_path / "docs").rglob("*.md")}
    for language in ("en", "ko"):
        written = {str(p.relative_to(ROOT)) for p in (ROOT / f"docs/guide/{language}").glob("*.md")}
        assert written
        assert written <= made
    # Whoever writes a document finds it on the site.
    assert {str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md")} <= made
    settings = (tmp_path / "mkdocs.yml").read_text()
    named = json.loads(settings.replace(f'!!python/name:{SITE["SLUGS"]} ""', "0"))["nav"]
    listed = [name for section in named for names in section.values() for name in names]
    assert set(listed) == made
    assert len(listed) == len(made)


def test_the_api_s_page_says_what_is_taken_and_answered() -> None:
    page = SITE["reference"](DOCUMENT)
    assert "### POST /api/orders/{id}" in page
    assert "| `id` | path | yes |" in page
    assert "[Order](#order)" in page
    assert "| `size` | `s` or `m` | yes | a\\|b |" in page
    assert "| `tags` | list of string |" in page


@pytest.mark.parametrize(
    "link", ["gone.md", "../outside.md", "/docs/a.md", "folder/gone.png", "a.txt#x"]
)
def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path, link: str) -> None:
    (tmp_path / "docs").mkdir()
    with pytest.raises(SITE["BrokenLink"]):
        SITE["rewritten"]("docs/a.md", f"See [this]({link}).", tmp_path, ["docs/a.md"])


def test_folders_lead_to_their_readme_and_code_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/README.md").write_text("x")
    (tmp_path / "deploy/alerts.yml").write_text("x")
    (tmp_path / ".env.example").write_text("x")
    said = (
        "[d](deploy/), [a](deploy/alerts.yml), [e](.env.example), [w](https://example.com)\n"
        "```\n[x](gone.md)\n```\n"
    )
    text, files = SITE["rewritten"]("README.md", said, tmp_path, ["README.md", "deploy/README.md"])
    assert text.startswith("[d](deploy/README.md), [a](deploy/alerts.yml), e, [w](https://")
    assert "[x](gone.md)" in text
    assert files == {"deploy/alerts.yml"}
