"""Files as they come from the desks of a company: Excel in many countries, manuals, letters."""

from __future__ import annotations

import io
from email.message import EmailMessage

import docx
import openpyxl
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls
from openpyxl.comments import Comment
from reportlab.pdfgen.canvas import Canvas

from tests.core.rag.reading.papers.offices import saved
from tests.core.rag.reading.papers.paper import Paper
from tests.core.rag.reading.papers.pdfs import HEIGHT, WIDTH, drawn, wrapped, written

GERMAN = (
    "Nr.;Kategorie;Frage;Antwort;Stand\r\n"
    '1;Boote;Was kostet ein Kanu?;"Zehn Euro je Stunde.\nKinder zahlen die Hälfte; '
    'Hunde nichts.";03.05.2031\r\n'
    '2;Boote;"Darf ich ""allein"" rudern?";Ab sechzehn Jahren dürfen Sie das.;04.05.2031\r\n'
    ";;;;\r\n"
)
FRENCH = (
    "Question;Réponse;Rubrique\r\n"
    "Quels sont vos horaires\xa0?;Nous ouvrons à 9\xa0h, même à Noël.;Accueil\r\n"
    "Combien coûte la sœur du bateau\xa0?;«\xa0Elle\xa0» coûte 12,50\xa0€ l’heure.;Prix\r\n"
)
KOREAN = (
    "자주 묻는 질문 모음,,,,\r\n"
    "작성일: 2031-03-02,,,,\r\n"
    "번호,구분,질문 내용,답변 내용,조회수\r\n"
    '1,예약,예약을 바꿀 수 있나요?,"네, 하루 전까지\n바꿀 수 있습니다.",15\r\n'
    "2,결제,카드로 낼 수 있나요?,모든 카드를 받습니다.,7\r\n"
)
MACINTOSH = "Frage;Antwort\rGibt es Fähren?;Täglich, außer sonntags.\rWo?;Am großen Steg.\r"
SHEETS = (
    "Question\tAnswer\n"
    '"How do I\nreach you?"\t"By phone,\nfrom eight to six."\n'
    'Do you say ""hello""?\tAlways.\n'
)
ZENDESK = (
    "Article ID,Title,Body,Section,Locale,Draft,URL\r\n"
    '1,How do I rent?,"<p>Ask at the <b>pier</b>.</p><ul><li>Bring a card</li></ul>",Boats,en-us,'
    "FALSE,https://boats.example/1\r\n"
    "2,Secret offer,<p>Not yet public.</p>,Boats,en-us,TRUE,https://boats.example/2\r\n"
)
KOREAN_TEXT = (
    "[이용 안내]\r\n\r\nQ1. 주차할 수 있나요?\r\nA1. 건물 뒤에 스무 대를 세울 수 있습니다.\r\n\r\n"
    "Q2. 반려동물도 들어갈 수 있나요?\r\nA2. 작은 동물만 됩니다.\r\n   목줄을 매 주세요.\r\n"
)
DOCUSAURUS = """---
id: refunds
title: Refunds
sidebar_label: Refunds
---

import Tabs from '@theme/Tabs';

<!-- internal: legal has not approved this yet -->

## When do I get my money? {#when}

:::note[Please mind]
Within three days.
:::

> [!WARNING]
> Weekends do not count.

<Tabs><TabItem value="card" label="By card">

It goes to your card.

</TabItem></Tabs>

%%reviewer: check this number%%

See [[Opening hours|the hours]] and ==the price list==.[^1]

[^1]: Printed at the pier.
"""


def merged_sheets() -> bytes:
    """A cover, a FAQ with merged categories and answers, and a table with two rows of names."""
    book = openpyxl.Workbook()
    cover = book.active
    cover.title = "Cover"
    cover["B2"] = "Customer service handbook"
    cover["B3"] = "Ask the pier master where nothing here helps."
    faq = book.create_sheet("FAQ")
    faq.append(["Category", "Question", "Answer"])
    faq.append(["Boats", "What is a dinghy?", "A very small boat."])
    faq.append([None, "Who rows it?", "One person does."])
    faq.append(["Food", "Is there bread?", "Bread and soup come at noon."])
    faq.append([None, "Is there soup?", None])
    faq.merge_cells("A2:A3")
    faq.merge_cells("A4:A5")
    faq.merge_cells("C4:C5")
    faq["C2"].comment = Comment("Reviewer: is this still so?", "Ann Private")
    hours = book.create_sheet("Hours")
    hours.append(["Opening hours", None, None])
    hours.append([None, "Summer", "Winter"])
    hours.append(["Pier", "08:00-20:00", "10:00-16:00"])
    hours.append(["Shop", "09:00-18:00", "closed"])
    hours.merge_cells("A1:C1")
    return saved(book)


def stacked_sheet() -> bytes:
    """Questions and answers under each other, each with its letter."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["Q", "Can I come by train?"], ["A", "The station is next to the pier."], [None, None],
        ["Q", "Is it far?"], ["A", "Two minutes on foot."],
    ):  # fmt: skip
        sheet.append(row)
    return saved(book)


def manual() -> bytes:
    """A manual: numbered steps, a table in a table, a box, changes that are tracked, notes."""
    document = docx.Document()
    document.add_heading("Boat manual", level=0)
    document.add_heading("1 Starting", level=1)
    document.add_paragraph("How do I start the engine?", style="Heading 2")
    for step in ("Open the valve.", "Turn the key.", "Wait for the light."):
        document.add_paragraph(step, style="List Number")
    changed = document.add_paragraph("The tank holds ")
    for tag, text, name in (("w:del", "forty", "w:delText"), ("w:ins", "sixty", "w:t")):
        change = OxmlElement(tag)
        run = OxmlElement("w:r")
        said = OxmlElement(name)
        said.text = text
        run.append(said)
        change.append(run)
        changed._p.append(change)
    changed.add_run(" litres.")
    table = document.add_table(rows=3, cols=2)
    for row, cells in zip(
        table.rows, (("Light", "Meaning"), ("Red", "Stop at once"), ("Green", "")), strict=True
    ):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    inner = table.rows[2].cells[1].add_table(rows=1, cols=2)
    inner.rows[0].cells[0].text = "Ready"
    inner.rows[0].cells[1].text = "Go slowly"
    box = document.add_paragraph("Before the box.")
    box._p.append(
        parse_xml(
            f'<w:r {nsdecls("w")} xmlns:v="urn:schemas-microsoft-com:vml">'
            "<w:pict><v:shape><v:textbox>"
            "<w:txbxContent><w:p><w:r><w:t>Never smoke near the tank.</w:t></w:r></w:p>"
            "</w:txbxContent></v:textbox></v:shape></w:pict></w:r>"
        )
    )
    footer = document.sections[0].footer.paragraphs[0]
    footer.text = "Boat manual, revision 7, page footer"
    return saved(document)


OPENINGS = (
    "The lock opens for boats of up to ten metres and for nobody else between eight and noon of "
    "every working day, and the keeper of the lock decides who goes first of all those who wait."
)
LATE = (
    "Whoever is late waits for the next opening, which is an hour later, and pays nothing for the "
    "time that is spent at the wall of the lock with the engine switched off."
)
WINTER = (
    "In winter the lock is closed for repairs, and boats are carried around it by a crane that "
    "costs forty euros for each boat and lifts two tonnes."
)
CANOES = (
    "Canoes are carried by hand along the path on the left bank, which is short and never steep."
)
LONG = (OPENINGS, LATE, WINTER, CANOES)


def two_columns(canvas: Canvas) -> None:
    """Two pages in two columns, a head and a foot on each, a title across both."""
    for number in (1, 2):
        canvas.setFont("Helvetica", 8)
        canvas.drawString(60, HEIGHT - 40, "Lock regulations 2031")
        canvas.drawString(60, 40, "City of Example · Confidential until printed")
        canvas.drawRightString(WIDTH - 60, 40, f"Page {number} of 2")
        top = HEIGHT - 90
        if number == 1:
            canvas.setFont("Helvetica-Bold", 18)
            canvas.drawString(60, top, "Passing the lock")
            top -= 40
        canvas.setFont("Helvetica", 10)
        left, right = LONG[:2] if number == 1 else LONG[2:]
        written(canvas, wrapped(left, 210), 60, top)
        written(canvas, wrapped(right, 210), 320, top)
        canvas.showPage()


def asked_in_columns(canvas: Canvas) -> None:
    """A leaflet of questions and answers, bold over plain, in two columns."""
    pairs = (
        ("Where is the office?", "In the red house at the end of the pier."),
        ("When is it open?", "From eight to six, and on Sundays until noon."),
        ("Do you speak French?", "Two of us do, on most days of the week."),
        ("Can I leave my bag?", "For a day, at the desk, without any fee."),
    )
    canvas.setFont("Helvetica-Bold", 16)
    canvas.drawString(60, HEIGHT - 80, "Good to know")
    for at, column in ((60, pairs[:2]), (320, pairs[2:])):
        top = HEIGHT - 120
        for question, answer in column:
            canvas.setFont("Helvetica-Bold", 10)
            top = written(canvas, wrapped(question, 210), at, top)
            canvas.setFont("Helvetica", 10)
            top = written(canvas, wrapped(answer, 210), at, top) - 10
    canvas.setFont("Helvetica", 8)
    canvas.drawCentredString(WIDTH / 2, 40, "- 1 -")


def outlook() -> bytes:
    """An answer over the letter that it answers, as Outlook quotes it, and a disclaimer."""
    made = EmailMessage()
    made["Subject"] = "RE: Gift cards"
    made["From"] = "Service <service@boats.example>"
    made["To"] = "Ann Private <ann@private.example>"
    made.set_content(
        "<html><body><div class=WordSection1><p class=MsoNormal>Gift cards are valid for three "
        "years.<o:p></o:p></p><p class=MsoNormal>They cannot be paid out.</p></div>"
        "<div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'>"
        "<p class=MsoNormal><b>From:</b> Ann Private &lt;ann@private.example&gt;<br><b>Sent:</b> "
        "Monday, 3 March 2031 10:00<br><b>To:</b> Service<br><b>Subject:</b> Gift cards</p></div>"
        "<p class=MsoNormal>My card 4711 has run out, I am furious.</p></body></html>",
        subtype="html",
    )
    return bytes(made)


def forwarded() -> bytes:
    """Plain text in another alphabet's encoding, with a signature and what it answers."""
    made = EmailMessage()
    made["Subject"] = "=?ks_c_5601-1987?B?yK+60iC5rsDH?="
    made["From"] = "a@boats.example"
    made.set_content(
        "환불은 사흘 안에 됩니다.\n수수료는 없습니다.\n\n-- \n김민아\n010-1234-5678\n\n"
        "2031년 3월 3일 (월) 오전 10:00, Ann <ann@private.example>님이 작성:\n"
        "> 언제 환불되나요?\n> 화가 납니다.\n",
        charset="euc-kr",
    )
    return bytes(made)


def bytes_of(text: str, encoding: str) -> bytes:
    """As a program of that country writes it."""
    made = io.BytesIO()
    made.write(text.encode(encoding))
    return made.getvalue()


DESKS = (
    Paper(
        name="excel_german.csv", body=bytes_of(GERMAN, "cp1252"), locale="de",
        seen=["Was kostet ein Kanu?", "Zehn Euro je Stunde.", "Hunde nichts.",
              'Darf ich "allein" rudern?', "Ab sechzehn Jahren dürfen Sie das."],
        asked=[("Was kostet ein Kanu?", "Kinder zahlen die Hälfte"),
               ('Darf ich "allein" rudern?', "Ab sechzehn Jahren")],
    ),
    Paper(
        name="excel_french.csv", body=bytes_of(FRENCH, "cp1252"), locale="fr",
        seen=["Quels sont vos horaires", "Nous ouvrons à", "même à Noël.", "sœur du bateau",
              "l’heure."],
        asked=[("Quels sont vos horaires ?", "même à Noël")],
    ),
    Paper(
        name="excel_korean.csv", body=bytes_of(KOREAN, "cp949"), locale="ko",
        seen=["예약을 바꿀 수 있나요?", "하루 전까지", "카드로 낼 수 있나요?",
              "모든 카드를 받습니다."],
        asked=[("예약을 바꿀 수 있나요?", "바꿀 수 있습니다"),
               ("카드로 낼 수 있나요?", "모든 카드")],
    ),
    Paper(
        name="excel_korean_utf8.csv", body=bytes_of(KOREAN, "utf-8-sig"), locale="ko",
        seen=["예약을 바꿀 수 있나요?", "모든 카드를 받습니다."],
        asked=[("카드로 낼 수 있나요?", "모든 카드")],
    ),
    Paper(
        name="excel_macintosh.csv", body=bytes_of(MACINTOSH, "mac_roman"), locale="de",
        seen=["Gibt es Fähren?", "Täglich, außer sonntags.", "Wo?", "Am großen Steg."],
        asked=[("Gibt es Fähren?", "außer sonntags"), ("Wo?", "Am großen Steg")],
    ),
    Paper(
        name="google_sheets.tsv", body=bytes_of(SHEETS, "utf-8"),
        seen=["How do I reach you?", "By phone,", "from eight to six.", "Always."],
        asked=[("How do I reach you?", "from eight to six")],
    ),
    Paper(
        name="zendesk_export.csv", body=bytes_of(ZENDESK, "utf-8"),
        seen=["How do I rent?", "Ask at the pier.", "Bring a card"],
        asked=[("How do I rent?", "Bring a card")], url="https://boats.example/1", warned=["draft"],
    ),
    Paper(
        name="korean_questions.txt", body=bytes_of(KOREAN_TEXT, "cp949"), locale="ko",
        seen=["주차할 수 있나요?", "건물 뒤에 스무 대를 세울 수 있습니다.", "작은 동물만 됩니다.",
              "목줄을 매 주세요."],
        asked=[("주차할 수 있나요?", "스무 대를"), ("반려동물도 들어갈 수 있나요?", "목줄을")],
    ),
    Paper(
        name="docusaurus.md", body=bytes_of(DOCUSAURUS, "utf-8"), title="Refunds",
        seen=["When do I get my money?", "Within three days.", "Weekends do not count.",
              "By card", "It goes to your card.", "the hours", "the price list",
              "Printed at the pier."],
        hidden=["{#when}", ":::", "reviewer: check", "@theme"],
        asked=[("When do I get my money?", "Within three days.")],
    ),
    Paper(
        name="merged_sheets.xlsx", body=merged_sheets(),
        seen=["Ask the pier master where nothing here helps.", "What is a dinghy?",
              "A very small boat.", "Who rows it?", "One person does.", "Is there bread?",
              "Is there soup?", "Bread and soup come at noon.", "08:00-20:00", "10:00-16:00"],
        hidden=["is this still so"],
        asked=[("What is a dinghy?", "A very small boat."), ("Who rows it?", "One person does."),
               ("Is there bread?", "come at noon"), ("Is there soup?", "come at noon")],
    ),
    Paper(
        name="stacked.xlsx", body=stacked_sheet(),
        seen=["Can I come by train?", "The station is next to the pier.", "Is it far?",
              "Two minutes on foot."],
        asked=[("Can I come by train?", "next to the pier"), ("Is it far?", "Two minutes")],
    ),
    Paper(
        name="manual.docx", body=manual(), title="Boat manual",
        seen=["How do I start the engine?", "Open the valve.", "Wait for the light.",
              "The tank holds sixty litres.", "Red", "Stop at once", "Ready", "Go slowly",
              "Before the box.", "Never smoke near the tank."],
        hidden=["forty", "page footer"],
        asked=[("How do I start the engine?", "Turn the key.")],
    ),
    Paper(
        name="two_columns.pdf", body=drawn(two_columns), seen=["Passing the lock", *LONG],
        hidden=["Confidential until printed", "Page 1 of 2", "Lock regulations 2031"],
    ),
    Paper(
        name="asked_in_columns.pdf", body=drawn(asked_in_columns),
        seen=["Where is the office?", "In the red house at the end of the pier.",
              "Can I leave my bag?"],
        hidden=["- 1 -"],
        asked=[("Where is the office?", "In the red house"), ("When is it open?", "From eight"),
               ("Do you speak French?", "Two of us do"), ("Can I leave my bag?", "at the desk")],
    ),
    Paper(
        name="outlook.eml", body=outlook(),
        seen=["Gift cards are valid for three years.", "They cannot be paid out.",
              "My card 4711 has run out, I am furious."],
        hidden=["ann@private.example", "3 March 2031"],
    ),
    Paper(
        name="forwarded.eml", body=forwarded(), locale="ko",
        seen=["환불은 사흘 안에 됩니다.", "수수료는 없습니다."],
        hidden=["010-1234-5678", "화가 납니다", "ann@private.example"],
    ),
)  # fmt: skip
