"""Tables and records as spreadsheets, shops and help desks export them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest

from core.rag.domain.reading_outcome import Reading
from core.rag.reading.readers import read


def reading(folder: Path, name: str, content: str | bytes | Any) -> Reading:
    path = folder / name
    if not isinstance(content, str | bytes):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path)


def pairs(found: Reading) -> list[tuple[str, str]]:
    return [(article.title, article.text) for article in found.articles]


def table_in_word(*rows: tuple[str, ...]) -> bytes:
    document = docx.Document()
    document.add_paragraph("Good to know")
    table = document.add_table(len(rows), len(rows[0]))
    for place, row in enumerate(rows):
        for column, said in enumerate(row):
            table.cell(place, column).text = said
    saved = io.BytesIO()
    document.save(saved)
    return saved.getvalue()


@pytest.mark.parametrize("name", ["Body HTML", "Body (HTML)", "Content text", "본문 (HTML)"])
def test_titles_with_bodies_are_questions_whatever_form_the_bodies_have(
    tmp_path: Path, name: str
) -> None:
    rows = (
        f'ID,Title,"{name}",Status\n'
        '1,How to pay?,"<p>By <b>card</b> &amp; cash.</p><ul><li>Visa</li></ul>",published\n'
        "2,Secret?,<p>Nothing</p>,draft\n"
    )
    found = reading(tmp_path, "help.csv", rows)
    assert pairs(found) == [
        ("How to pay?", "By card & cash.\n\n- Visa"),
        ("Secret?", "Nothing"),
    ]
    assert [article.withheld for article in found.articles] == ["", "status: draft"]


def test_rows_of_another_table_that_are_no_customers_business_are_left_out(tmp_path: Path) -> None:
    rows = "SKU,Boat,Status\n1,Canoe,active\n2,Raft,draft\n"
    found = reading(tmp_path, "boats.csv", rows)
    [article] = found.articles
    assert "Canoe" in article.text
    assert "Raft" not in article.text
    assert found.dropped == {"rows not for customers": 10}
    assert "3: not for customers: status: draft" in map(str, found.warnings)


def test_so_are_those_of_a_sheet(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [("Boat", "Price", "Draft"), ("Canoe", "20 €", "no"), ("Raft", "5 €", "yes")]:
        book.active.append(row)
    saved = io.BytesIO()
    book.save(saved)
    found = reading(tmp_path, "boats.xlsx", saved.getvalue())
    assert "Canoe" in found.articles[0].text
    assert "Raft" not in found.articles[0].text


def test_a_table_that_explains_states_keeps_them(tmp_path: Path) -> None:
    rows = "Status,Meaning,Colour\npending,We wait for money.,red\narchived,It is done.,grey\n"
    [article] = reading(tmp_path, "states.csv", rows).articles
    assert "archived" in article.text


@pytest.mark.parametrize(
    "header",
    [
        "key,question_en,answer_en,question_de,answer_de",
        "key,Question (EN),Answer (EN),Question (DE),Answer (DE)",
        "key,EN question,EN answer,DE question,DE answer",
        "key,Question English,Answer English,Question German,Answer German",
    ],
)
def test_columns_of_several_languages_are_articles_of_each(tmp_path: Path, header: str) -> None:
    rows = f"{header}\n1,Open?,From 9 to 5,Offen?,Von 9 bis 17 Uhr\n2,Free?,No,,\n"
    found = reading(tmp_path, "faq.csv", rows)
    assert [(a.title, a.text, a.locale) for a in found.articles] == [
        ("Open?", "From 9 to 5", "en"),
        ("Offen?", "Von 9 bis 17 Uhr", "de"),
        ("Free?", "No", "en"),
    ]
    assert found.dropped == {}
    assert found.warnings == []


@pytest.mark.parametrize(
    ("until", "day"),
    [
        ("31/12/2030", "2030-12-31"),
        ("12/31/2030", "2030-12-31"),
        ("31.12.2030", "2030-12-31"),
        ("5.6.2030", "2030-06-05"),
        ("31-12-2030", "2030-12-31"),
        ("31.12.2030 18:00", "2030-12-31"),
        ("2030. 12. 31.", "2030-12-31"),
        ("05/06/2030", ""),  # of May or of June
    ],
)
def test_days_as_spreadsheets_write_them(tmp_path: Path, until: str, day: str) -> None:
    found = reading(tmp_path, "faq.csv", f"question,answer,valid_until\nOpen?,Yes,{until}\n")
    [article] = found.articles
    told = article.valid_until
    assert (told.date().isoformat() if told else "") == day
    assert bool(article.withheld) is not bool(day)


@pytest.mark.parametrize(
    "rows",
    [
        (("Do you have towels?", "Yes, 2 €."), ("Is there a lift?", "No.")),
        (("Question", "Answer"), ("Do you have towels?", "Yes, 2 €."), ("Is there a lift?", "No.")),
        (("No.", "Question", "Answer"), ("1", "Do you have towels?", "Yes, 2 €.")),
        (("Question", "Answer"), ("Do you have towels?", "Yes, 2 €.")),
    ],
)
def test_a_table_in_a_document_whose_first_column_asks(
    tmp_path: Path, rows: tuple[tuple[str, ...], ...]
) -> None:
    [article] = reading(tmp_path, "house.docx", table_in_word(*rows)).articles
    assert "##### Do you have towels?\n\nYes, 2 €." in article.text


def test_records_within_records_are_all_read(tmp_path: Path) -> None:
    data = {
        "version": 3,
        "categories": [
            {
                "name": "Shipping",
                "articles": [
                    {"title": "How long?", "content": {"html": "<p>3 days</p>"}, "draft": False},
                    {"title": "Secret", "content": {"html": "<p>no</p>"}, "draft": True},
                ],
            },
            {"name": "Paying", "faqs": [{"question": "How?", "answer": "By card"}]},
        ],
    }
    found = reading(tmp_path, "help.json", data)
    assert pairs(found) == [("How long?", "3 days"), ("Secret", "no"), ("How?", "By card")]
    assert [a.topic for a in found.articles] == ["Shipping", "Shipping", "Paying"]
    assert [a.withheld for a in found.articles] == ["", "draft", ""]


def test_what_a_value_is_rendered_to_is_its_text(tmp_path: Path) -> None:
    post = {
        "id": 7,
        "status": "publish",
        "link": "https://boats.example/pay",
        "title": {"rendered": "How to pay &#8211; and when"},
        "content": {"rendered": "<p>By card.</p>", "protected": False},
    }
    found = reading(tmp_path, "posts.json", [post])
    assert pairs(found) == [("How to pay – and when", "By card.")]


def test_records_in_several_languages_are_articles_of_each(tmp_path: Path) -> None:
    row = {
        "id": "1",
        "question": {"en": "Open?", "de": "Offen?"},
        "answer": {"en": "Yes", "de": "Ja"},
    }
    for name, content in (("a.json", [row]), ("a.jsonl", json.dumps(row))):
        found = reading(tmp_path, name, content)
        assert [(a.title, a.text, a.locale) for a in found.articles] == [
            ("Open?", "Yes", "en"),
            ("Offen?", "Ja", "de"),
        ]


def test_a_talk_that_shows_a_model_how_to_answer_is_a_question_with_its_answer(
    tmp_path: Path,
) -> None:
    row = {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Where is the parking lot?"},
            {"role": "assistant", "content": "Behind the house."},
        ]
    }
    found = reading(tmp_path, "tune.jsonl", json.dumps(row))
    assert pairs(found) == [("Where is the parking lot?", "Behind the house.")]
