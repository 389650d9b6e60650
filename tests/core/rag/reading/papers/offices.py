"""Files of office programs, made by their own libraries or by hand."""

from __future__ import annotations

import datetime
import io
import zipfile
from email.message import EmailMessage
from typing import Any

import docx
import openpyxl
import pptx
from docx.oxml import OxmlElement

from tests.core.rag.reading.papers.paper import Paper


def zipped(entries: dict[str, str | bytes]) -> bytes:
    """An archive of these."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return made.getvalue()


def saved(document: Any) -> bytes:
    """A document's bytes."""
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


def word() -> bytes:
    """Headings, a list in a list, a table, a hidden word and a title of a program."""
    document = docx.Document()
    document.core_properties.title = "Microsoft Word - boats_v7_FINAL(2).docx"
    document.sections[0].header.paragraphs[0].text = "Harbour Boats, page header"
    document.add_heading("Hiring a boat", level=1)
    document.add_paragraph("Boats are hired by the hour.")
    document.add_heading("May I bring a dog?", level=2)
    run = document.add_paragraph("Yes, on a lead.").add_run(" Staff: look away.")
    run._r.get_or_add_rPr().append(OxmlElement("w:vanish"))
    document.add_paragraph("Clean the boat", style="List Bullet")
    document.add_paragraph("with water only", style="List Bullet 2")
    table = document.add_table(rows=3, cols=3)
    for row, cells in zip(
        table.rows,
        (("Boat", "Hour", "Day"), ("Canoe", "10 €", "50 €"), ("Ferry", "90 €", "700 €")),
        strict=True,
    ):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    return saved(document)


def bold_word() -> bytes:
    """Questions that are only bold, without any heading."""
    document = docx.Document()
    for question, answer in (("Is there Wi-Fi", "On the upper deck."), ("Luggage", "Two bags.")):
        document.add_paragraph().add_run(question).bold = True
        document.add_paragraph(answer)
    return saved(document)


def questions_in_sheets() -> bytes:
    """Two sheets of questions, one that is hidden, and a hidden row."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Boats"
    sheet.append(["FAQ of our boats"])
    sheet.append([])
    sheet.append(["No.", "질문", "답변"])
    sheet.append([1, "배는 언제 떠나나요?", "아홉 시에 떠납니다."])
    sheet.append([2, "Secret?", "Hidden row answer."])
    sheet.row_dimensions[5].hidden = True
    other = book.create_sheet("Food")
    other.append(["Question", "Answer"])
    other.append(["Is there soup?", "At noon."])
    secret = book.create_sheet("Staff")
    secret.append(["Question", "Answer"])
    secret.append(["Margin?", "Forty percent."])
    secret.sheet_state = "hidden"
    return saved(book)


def prices_in_sheets() -> bytes:
    """A table of prices with formats, a merged cell and a title above."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Prices of summer"])
    sheet.append(["Kind", "Boat", "Hour", "Off", "From"])
    sheet.append(["Small", "Canoe", 10.5, 0.25, datetime.date(2031, 5, 1)])
    sheet.append([None, "Kayak", 1200, 0.5, datetime.date(2031, 6, 1)])
    sheet.merge_cells("A3:A4")
    for row in (3, 4):
        sheet.cell(row, 3).number_format = '#,##0.00 "€"'
        sheet.cell(row, 4).number_format = "0%"
    sheet["B3"].hyperlink = "https://boats.example/canoe"
    return saved(book)


def slides() -> bytes:
    """Two slides, one that is hidden, notes of the speaker and a table."""
    deck = pptx.Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Rules on board"
    first.placeholders[1].text = "No smoking"
    first.placeholders[1].text_frame.add_paragraph().text = "Vests are worn"
    first.notes_slide.notes_text_frame.text = "Say this slowly"
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "What does it cost?"
    table = second.shapes.add_table(3, 2, 0, 1_500_000, 4_000_000, 900_000).table
    for row, cells in enumerate((("Boat", "Day"), ("Canoe", "50 €"), ("Ferry", "700 €"))):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    third = deck.slides.add_slide(deck.slide_layouts[5])
    third.shapes.title.text = "Only for the board"
    third.element.set("show", "0")
    return saved(deck)


NAMES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:xlink="http://www.w3.org/1999/xlink"'
)


def open_text() -> bytes:
    """Headings, lists, a link, a remark and a table."""
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<office:document-content {NAMES}><office:body><office:text>"
            '<text:h text:outline-level="1">Cabins</text:h><text:p>Each has a<text:s/>view.'
            "<office:annotation><text:p>remark of an editor</text:p></office:annotation></text:p>"
            '<text:h text:outline-level="2">Is there a bath?</text:h><text:p>See <text:a '
            'xlink:href="https://boats.example/bath">the '
            "plan</text:a>.<text:line-break/>Two of them."
            "</text:p><text:list><text:list-item><text:p>Towels</text:p><text:list><text:list-item>"
            "<text:p>large</text:p></text:list-item></text:list></text:list-item></text:list>"
            "<table:table><table:table-row><table:table-cell><text:p>Cabin</text:p>"
            "</table:table-cell><table:table-cell><text:p>Night</text:p></table:table-cell>"
            "</table:table-row><table:table-row><table:table-cell><text:p>Inside</text:p>"
            "</table:table-cell><table:table-cell><text:p>80 €</text:p></table:table-cell>"
            "</table:table-row><table:table-row><table:table-cell><text:p>Suite</text:p>"
            "</table:table-cell><table:table-cell><text:p>300 €</text:p></table:table-cell>"
            "</table:table-row></table:table></office:text></office:body>"
            "</office:document-content>",
        }
    )


def open_sheet() -> bytes:
    """A sheet with repeated cells."""

    def row(*cells: str) -> str:
        inner = "".join(f"<table:table-cell><text:p>{c}</text:p></table:table-cell>" for c in cells)
        return f"<table:table-row>{inner}</table:table-row>"

    return zipped(
        {
            "content.xml": f"<office:document-content {NAMES}><office:body><office:spreadsheet>"
            f'<table:table table:name="FAQ">{row("Frage", "Antwort")}{row("Wann?", "Um neun.")}'
            '<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
            'table:number-columns-repeated="16384"/></table:table-row></table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        }
    )


def book() -> bytes:
    """Two chapters and a table of contents."""

    def chapter(title: str, body: str) -> str:
        return (
            '<?xml version="1.0" encoding="utf-8"?><html '
            'xmlns="http://www.w3.org/1999/xhtml"><head>'
            f"<title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>"
        )

    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OPS/book.opf"/>'
            "</rootfiles></container>",
            "OPS/book.opf": "<package><metadata><title>Sailing</title></metadata><manifest>"
            '<item id="n" href="nav.xhtml" properties="nav"/><item id="a" href="text/one.xhtml"/>'
            '<item id="b" href="text/two%20b.xhtml"/></manifest><spine><itemref idref="n"/>'
            '<itemref idref="a"/><itemref idref="b"/></spine></package>',
            "OPS/nav.xhtml": chapter("Contents of it all", "<p>One, two</p>"),
            "OPS/text/one.xhtml": chapter("Wind", "<p>It blows.</p>"),
            "OPS/text/two b.xhtml": chapter("Water", "<h2>Is it wet?</h2><p>Very.</p>"),
        }
    )


def letter() -> bytes:
    """A letter with two forms of its text and something attached."""
    made = EmailMessage()
    made["Subject"] = "Answers about 날씨"
    made["From"] = "Ann Private <ann@private.example>"
    made["To"] = "team@boats.example"
    made.set_content("plain form")
    made.add_alternative(
        "<p>Hello all,</p><p><b>Do we sail in rain?</b></p><p>Yes, we do.</p>", subtype="html"
    )
    made.add_attachment(b"x", maintype="application", subtype="pdf", filename="map.pdf")
    return bytes(made)


OFFICES = (
    Paper(
        name="hire.docx", body=word(), title="Hiring a boat",
        seen=["Hiring a boat", "Boats are hired by the hour.", "May I bring a dog?",
              "Yes, on a lead.", "Clean the boat", "with water only", "Canoe", "700 €"],
        hidden=["Staff: look away", "page header", "FINAL"],
        asked=[("May I bring a dog?", "Yes, on a lead."),
               ("May I bring a dog?", "Boat: Ferry; Hour: 90 €; Day: 700 €")],
    ),
    Paper(
        name="bold.docx", body=bold_word(),
        seen=["Is there Wi-Fi", "On the upper deck.", "Luggage", "Two bags."],
        asked=[("Is there Wi-Fi", "On the upper deck."), ("Luggage", "Two bags.")],
    ),
    Paper(
        name="faq.xlsx", body=questions_in_sheets(), locale="ko",
        seen=["배는 언제 떠나나요?", "아홉 시에 떠납니다.", "Is there soup?", "At noon."],
        hidden=["Hidden row answer", "Forty percent"],
        asked=[("배는 언제 떠나나요?", "아홉 시에"), ("Is there soup?", "At noon.")],
    ),
    Paper(
        name="prices.xlsx", body=prices_in_sheets(),
        seen=["Prices of summer", "Canoe", "10.50 €", "1,200.00 €", "25%", "2031-06-01"],
        asked=[("Prices of summer", "Kind: Small; Boat: Kayak; Hour: 1,200.00 €; Off: 50%")],
    ),
    Paper(
        name="rules.pptx", body=slides(), title="Rules on board",
        seen=["Rules on board", "No smoking", "Vests are worn", "What does it cost?", "700 €"],
        hidden=["Say this slowly", "Only for the board"],
        asked=[("What does it cost?", "Boat: Ferry; Day: 700 €")],
    ),
    Paper(
        name="cabins.odt", body=open_text(), title="Cabins",
        seen=["Cabins", "Each has a view.", "Is there a bath?", "See the plan.", "Two of them.",
              "Towels", "large", "Suite"],
        hidden=["remark of an editor"],
        asked=[("Is there a bath?", "See the plan."),
               ("Is there a bath?", "Cabin: Suite; Night: 300 €")],
    ),
    Paper(
        name="faq.ods", body=open_sheet(), seen=["Wann?", "Um neun."],
        asked=[("Wann?", "Um neun.")],
    ),
    Paper(
        name="sailing.epub", body=book(),
        seen=["Wind", "It blows.", "Water", "Is it wet?", "Very."],
        hidden=["Contents of it all"], asked=[("Is it wet?", "Very.")],
    ),
    Paper(
        name="answers.eml", body=letter(), title="Answers about 날씨",
        seen=["Hello all,", "Do we sail in rain?", "Yes, we do."],
        hidden=["private.example", "plain form"], asked=[("Do we sail in rain?", "Yes, we do.")],
        warned=["map.pdf"],
    ),
)  # fmt: skip
