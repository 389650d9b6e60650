"""Markdown as generators of sites take it: what they fill in is not what people see."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.rag.domain.reading_outcome import Reading
from core.rag.reading.readers import read


def reading(folder: Path, text: str) -> Reading:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return read(path)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("{{< notice tip >}}\nBring cash.\n{{< /notice >}}", "Bring cash."),
        ("{{% alert title=Note %}}\nBring cash.\n{{% /alert %}}", "Bring cash."),
        (
            '{{% expand "Is it open?" %}}Yes, daily.{{% /expand %}}',
            "##### Is it open?\n\nYes, daily.",
        ),
        (
            '{{< details summary="Is it open?" >}}\nYes, daily.\n{{< /details >}}',
            "##### Is it open?\n\nYes, daily.",
        ),
        ('Canoe {{< ref "boats.md" >}} 20 €.', "Canoe  20 €."),
        ("{% include banner.html %}\n{% if open %}Open.{% endif %}", "Open."),
        ("{% comment %}\nask the boss\n{% endcomment %}\nOpen.", "Open."),
        ("{{/* ask the boss */}}\nOpen.", "Open."),
        ("Open.\n{: .lead}", "Open."),
        ("# Open{:.lead}\n\nDaily.", "# Open\n\nDaily."),
        ("Write `{{< ref >}}` and `{% tag %}`.", "Write `{{< ref >}}` and `{% tag %}`."),
        ("```\n{{< ref >}}\n{: .x}\n```", "```\n{{< ref >}}\n{: .x}\n```"),
        ("{% never closed", "{% never closed"),
    ],
)
def test_what_a_generator_fills_in_is_no_text(tmp_path: Path, text: str, seen: str) -> None:
    [article] = reading(tmp_path, text).articles
    assert re.sub(r"\n{2,}", "\n\n", article.text).strip() == seen


def test_a_value_that_is_not_known_here_is_said(tmp_path: Path) -> None:
    found = reading(tmp_path, "A canoe is {{ site.price }} a day, `{{ not.this }}`.")
    assert [one.what for one in found.warnings] == [
        "1 values are filled in elsewhere and not known here: {{ site.price }}"
    ]
