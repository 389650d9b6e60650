"""Markdown, MDX and plain text with what stands at their beginnings."""

from __future__ import annotations

from tests.core.rag.reading.papers.paper import Paper

TEXTS = (
    Paper(
        name="front.md",
        body=b'---\r\nid: "boats-1"\r\ntitle: "Boats: \\"big\\" ones"\r\nlang: ko-KR\r\n'
        b'topic: \'boats\'\r\n'
        b"---\r\n# Other\r\n\r\nBig boats sail.\r\n",
        seen=["Big boats sail."], title='Boats: "big" ones', locale="ko",
    ),
    Paper(
        name="front_toml.md", body=b'+++\ntitle = "Small boats"\ndraft = false\n+++\nThey row.\n',
        seen=["They row."], title="Small boats",
    ),
    Paper(
        name="draft.md", body=b"---\ntitle: Soon\ndraft: true\n---\nNot yet said.\n",
        seen=["Not yet said."], withheld="draft", warned=["not for customers: draft"],
    ),
    Paper(
        name="for_staff.md", body=b"---\naudience: [agents, partners]\n---\n# Rules\n\nBe kind.\n",
        seen=["Be kind."], withheld="audience: agents, partners",
        warned=["not for customers: audience"],
    ),
    Paper(
        name="underlined.md",
        body=b"Boats\n=====\n\nAll of them.\n\nMay I row?\n----------\n\nYes.\n\n---\n\nThe end.\n",
        seen=["Boats", "All of them.", "May I row?", "Yes.", "The end."], title="Boats",
        asked=[("May I row?", "Yes.")],
    ),
    Paper(
        name="component.mdx",
        body=b'import X from "./x"\nexport const a = {\n  b: 1,\n}\n\n# Help\n\n'
        b'{/* secret note */}\n'
        b'<Accordion title="Do you ship?">\n  To Norway.\n</Accordion>\n\n:::tip Good to know\n'
        b"We do.\n:::\n\n<Card>Words in a card</Card> and {'a string'}.\n",
        seen=["Help", "Do you ship?", "To Norway.", "Good to know", "We do.", "Words in a card",
              "a string"],
        hidden=["secret note", "import X", "b: 1"], asked=[("Do you ship?", "To Norway.")],
    ),
    Paper(
        name="with_html.md",
        body=b"# Care\n\n<details><summary>With soap?</summary>\n\nNever.\n\n</details>\n\n"
        b"<p hidden>Internal words</p>\n\nLine one<br>line two\n\n| Boat | Day |\n|---|---|\n"
        b"| Canoe | 50 |\n",
        seen=["Care", "With soap?", "Never.", "Line one", "line two", "Canoe"],
        hidden=["Internal words"], asked=[("With soap?", "Never."),
               ("Care", "Boat: Canoe; Day: 50")],
    ),
    Paper(
        name="references.md",
        body=b"# Forms\n\nUse [this form][1] or [that][].\n\n[1]: https://a.example/f 'F'\n"
        b"[that]: https://a.example/t\n",
        seen=["Use this form or that."], hidden=["[1]:"],
    ),
    Paper(
        name="plain.txt",
        body="Opening hours\n\nWe open at nine – always.\n\nQ: On Sundays?\nA: No.\n".encode(
            "cp1252"
        ),
        seen=["Opening hours", "We open at nine – always.", "On Sundays?", "No."],
        title="Opening hours", asked=[("On Sundays?", "No.")],
    ),
    Paper(
        name="wide.txt", body="영업시간\n\n아홉 시에 엽니다.\n".encode("utf-16-le"),
        seen=["영업시간", "아홉 시에 엽니다."], locale="ko",
    ),
)  # fmt: skip
