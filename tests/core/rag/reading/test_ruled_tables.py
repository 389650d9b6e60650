"""Tables in a PDF whose cells have rules around them: a cell is read whole, a row is together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from reportlab.lib import colors
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

from core.rag.domain.reading_outcome import Reading
from core.rag.reading.readers import read

NORMAL = getSampleStyleSheet()["Normal"]
HEADING = getSampleStyleSheet()["Heading2"]
GRID = ("GRID", (0, 0), (-1, -1), 0.5, colors.grey)
ASKED = [
    (
        f"How do I return a hired boat of kind {number} after the season?",
        (
            f"Bring boat {number} back to the desk in the harbour within {number + 10} days, and "
            "the receipt and the key too; the desk is open from nine to five, and pays at once."
        ),
    )
    for number in range(1, 31)
]


def reading(folder: Path, *parts: Any) -> Reading:
    path = folder / "paper.pdf"
    SimpleDocTemplate(str(path)).build([Paragraph("Harbour", HEADING), *parts])
    return read(path)


def table(rows: Sequence[Sequence[str]], *more: Any, widths: Any = None, **how: Any) -> Table:
    made = Table(
        [[Paragraph(cell, NORMAL) for cell in row] for row in rows], colWidths=widths, **how
    )
    made.setStyle([GRID, ("VALIGN", (0, 0), (-1, -1), "TOP"), *more])
    return made


@pytest.mark.parametrize("repeated", [0, 1])
def test_questions_beside_their_answers_over_several_pages(tmp_path: Path, repeated: int) -> None:
    made = table([("Question", "Answer"), *ASKED], widths=[150, 290], repeatRows=repeated)
    [article] = reading(tmp_path, made, Spacer(1, 12), Paragraph("Ring us.", NORMAL)).articles
    for question, answer in ASKED:
        assert f"##### {question}\n\n{answer}" in article.text
    assert article.text.endswith("# Harbour\n\nRing us.")


def test_rows_of_numbers_at_every_pages_top_are_no_running_head(tmp_path: Path) -> None:
    rows = [("Boat", "Season", "Day"), *((f"Boat {n}", "Summer", f"{n},50 €") for n in range(200))]
    [article] = reading(tmp_path, table(rows, repeatRows=1)).articles
    for number in range(200):
        assert f"| Boat {number} | Summer | {number},50 € |" in article.text
    assert article.text.count("| Boat | Season | Day |") == 1


def test_a_cell_over_several_columns_says_what_it_says_once(tmp_path: Path) -> None:
    rows = [("Hire by the day", "", ""), ("Boat", "Low", "High"), ("Canoe", "20 €, closed", "")]
    made = table(rows, ("SPAN", (0, 0), (2, 0)), ("SPAN", (1, 2), (2, 2)))
    [article] = reading(tmp_path, Paragraph("All prices.", NORMAL), made).articles
    assert "Hire by the day\n\n| Boat | Low | High |\n" in article.text
    assert "| Canoe | 20 €, closed |  |" in article.text


def test_text_around_two_tables_stays_in_its_place(tmp_path: Path) -> None:
    one, two = table([("Boat", "Day"), ("Canoe", "20 €")]), table([("Oar", "Day"), ("Long", "2 €")])
    parts = [Paragraph("First words.", NORMAL), one, Spacer(1, 30), Paragraph("Then.", NORMAL)]
    [article] = reading(tmp_path, *parts, two, Spacer(1, 30), Paragraph("Last.", NORMAL)).articles
    order = ["First words.", "| Canoe | 20 € |", "Then.", "| Long | 2 € |", "Last."]
    assert sorted(order, key=article.text.index) == order


def test_a_frame_around_a_text_is_no_table(tmp_path: Path) -> None:
    [article] = reading(
        tmp_path, table([("Open from nine to five.",), ("Closed on Sundays.",)])
    ).articles
    assert "|" not in article.text
    assert "Closed on Sundays." in article.text
