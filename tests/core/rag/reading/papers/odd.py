"""Papers that were tried after the readers were written, each for a kind that failed."""

from __future__ import annotations

import json
from email.mime.text import MIMEText

import docx
import pptx
from reportlab.pdfgen.canvas import Canvas

from tests.core.rag.reading.papers.html_pages import page
from tests.core.rag.reading.papers.offices import saved
from tests.core.rag.reading.papers.paper import Paper
from tests.core.rag.reading.papers.pdfs import SAFETY, WEATHER, drawn, wrapped, written


def answers_in_a_table() -> bytes:
    """Questions and answers in a table of a document."""
    document = docx.Document()
    table = document.add_table(rows=3, cols=2)
    rows = (("Question", "Answer"), ("May I row?", "Yes, always."), ("Alone", "Never."))
    for row, cells in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    return saved(document)


def letters(canvas: Canvas) -> None:
    """Questions and answers by their letters."""
    top = 780
    for line in ("Q1. Where do boats leave?", "A1. At the north pier, every hour",
                 "and every half hour in summer.", "", "Q2. Who may steer?",
                 "A2. Anybody over 18."):  # fmt: skip
        canvas.drawString(60, top, line)
        top -= 15


def printed(canvas: Canvas) -> None:
    """Two columns whose lines stand at different heights, and a table down to the page's end."""
    canvas.setFont("Helvetica-Bold", 16)
    canvas.drawString(60, 790, "Rules")
    canvas.setFont("Helvetica", 10)
    written(canvas, wrapped(SAFETY, 220), 60, 750)
    written(canvas, wrapped(WEATHER, 220), 320, 744)
    for number in range(2):
        if number:
            canvas.setFont("Helvetica", 10)
        for row in range(34 if number else 20):
            for cell, left in zip((f"Boat {row}", "blue", f"{row} €"), (60, 250, 400), strict=True):
                canvas.drawString(left, (790 if number else 560) - 23 * row, cell)
        canvas.showPage()
    canvas.setFont("Helvetica-Bold", 16)
    canvas.drawString(60, 790, "1. Before")
    canvas.drawString(60, 760, "2. After")
    canvas.setFont("Helvetica", 10)
    for number, step in enumerate(("Make fast", "Go ashore"), 1):
        canvas.drawString(60, 740 - 15 * number, f"{number}")
        canvas.drawString(72, 740 - 15 * number, step)


def boxes() -> bytes:
    """A slide with boxes of text, two of them in a group."""
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    box = slide.shapes.add_group_shape().shapes.add_textbox(0, 0, 900_000, 500_000)
    box.text_frame.text = "Words in a group"
    other = slide.shapes.add_textbox(0, 2_000_000, 4_000_000, 900_000)
    other.text_frame.text = "How do I pay?"
    other.text_frame.add_paragraph().text = "By card."
    return saved(deck)


def quoting_letter() -> bytes:
    """A letter with what it answers, and a signature."""
    made = MIMEText("Refunds take a week.\n\n> How long?\n\n-- \nAnn Private\n")
    made["Subject"] = "Refunds"
    return made.as_bytes()


def turned(canvas: Canvas) -> None:
    """A page that lies on its side."""
    canvas.rotate(90)
    canvas.drawString(100, -200, "Words on a page that is turned")


def korean_letter() -> bytes:
    """A letter in the encoding of old."""
    made = MIMEText("영업시간은 아홉 시부터입니다.\n", "plain", "euc-kr")
    made["Subject"] = "안내"
    return made.as_bytes()


HOURS = "営業時間は九時からです。返品は三十日以内です。"

ODD = (
    Paper(
        name="of_a_help_center.html",
        body=b"<main><article><h1>Returns</h1><p>Within 30 days.</p><footer><div "
        b"class=article-votes>Was it helpful?</div></footer></article><aside><h3>See also</h3><ul>"
        b"<li><a href=/2>Refund "
        b"times</a></li></ul></aside><aside>A hint for <a href=/3>all</a> of you.</aside></main>",
        seen=["Returns", "Within 30 days.", "A hint for all of you."],
        hidden=["Was it helpful?", "Refund times"],
    ),
    Paper(
        name="shadow.html",
        body=b"<my-card><template shadowrootmode=open><p>In the shadow</p></template></my-card>",
        seen=["In the shadow"],
    ),
    Paper(
        name="lists_in_cells.html",
        body=b"<table><tr><th>Plan<th>Holds</tr><tr><td>Pro<td><ul><li>mail<li>chat</ul></tr></table>",
        seen=["Plan", "Pro", "mail, chat"],
        asked=[("lists_in_cells", "Plan: Pro; Holds: mail, chat")],
    ),
    Paper(
        name="headings_by_role.html",
        body=b"<main><div role=heading aria-level=2>Opening hours</div><p>9 to 5.</p></main>",
        seen=["Opening hours", "9 to 5."], asked=[("Opening hours", "9 to 5.")],
    ),
    Paper(
        name="of_word.html",
        body="<div class=WordSection1><p class=MsoListParagraph><![if !supportLists]><span>·<span>"
        "&nbsp;&nbsp; </span></span><![endif]>First item</p><p class=MsoNormal><b>Card?</b></p>"
        "<p>Yes, it’s fine.</p></div>".encode("cp1252"),
        seen=["First item", "Card?", "Yes, it’s fine."], asked=[("Card?", "Yes, it’s fine.")],
    ),
    Paper(
        name="answers_in_a_table.html",
        body=b"<table><tr><th>Question</th><th>Answer</th></tr><tr><td>Is it safe?</td><td>Very."
        b"</td></tr><tr><td>How deep</td><td>Two metres.</td></tr></table>",
        seen=["Is it safe?", "Very.", "How deep", "Two metres."],
        asked=[("Is it safe?", "Very."), ("How deep", "Two metres.")],
    ),
    Paper(name="answers_in_a_table.docx", body=answers_in_a_table(),
          seen=["May I row?", "Yes, always.", "Alone", "Never."], asked=[("Alone", "Never.")]),
    Paper(
        name="bold_in_a_list.html",
        body=b"<ul><li><strong>Delivery</strong><p>Daily.</p></li><li><strong>Do you pick up?"
        b"</strong><p>Weekly.</p></li></ul>",
        seen=["Delivery", "Daily.", "Do you pick up?", "Weekly."],
        asked=[("Delivery", "Daily."), ("Do you pick up?", "Weekly.")],
    ),
    Paper(
        name="bold_and_breaks.html",
        body=b"<div><b>Luggage</b><br>Two bags.<br><br><b>When do you open?</b><br>At 8.</div>",
        seen=["Luggage", "Two bags.", "When do you open?", "At 8."],
        asked=[("Luggage", "Two bags."), ("When do you open?", "At 8.")],
    ),
    Paper(
        name="panels_by_class.html",
        body=b"<div class=faq><div class=faq-question onclick='t(this)'>Do dogs pay?</div><div "
        b"class=faq-answer style='display:none'>Half price.</div><div class=faq-question>Cats</div>"
        b"<div class=faq-answer style='display:none'>Free.</div></div><p style='display:none'>"
        b"Internal margin</p>",
        seen=["Do dogs pay?", "Half price.", "Cats", "Free."], hidden=["Internal margin"],
        asked=[("Do dogs pay?", "Half price."), ("Cats", "Free.")],
    ),
    Paper(
        name="panels_of_bootstrap.html",
        body=b"<div class=accordion><div class=card><div class=card-header><h2><button "
        b"data-toggle=collapse data-target='#c1'>Lunch</button></h2></div><div id=c1 "
        b"class=collapse>From June.</div></div></div><p>Elsewhere.</p>",
        seen=["Lunch", "From June.", "Elsewhere."],
        asked=[("Lunch", "From June."), ("panels_of_bootstrap", "Elsewhere.")],
    ),
    Paper(
        name="tabs_of_bootstrap.html",
        body=page(
            "<h1>Cabins</h1><ul class='nav nav-tabs'><li><a data-toggle=tab href='#north'>North "
            "shore</a></li><li><a data-toggle=tab href='#south'>South shore</a></li></ul>"
            "<div class=tab-content><div class=tab-pane id=north><p>No dogs here.</p></div>"
            "<div class=tab-pane id=south><p>Dogs on a lead.</p></div></div><p>Book early.</p>",
            head="<style>.tab-pane{display:none}</style>",
        ),
        seen=["North shore", "No dogs here.", "South shore", "Dogs on a lead.", "Book early."],
        asked=[("North shore", "No dogs here."), ("South shore", "Dogs on a lead."),
               ("Cabins", "Book early.")],
    ),
    Paper(
        name="called_utf8.html",
        body=f"<meta charset=utf-8><p>{HOURS}</p>".encode("cp932"),
        seen=[HOURS], locale="ja",
    ),
    Paper(
        name="arabic.html",
        body="<meta charset=windows-1256><p>هل يمكنني إرجاع المنتج؟</p>"
        "<p>نعم خلال ثلاثين يوما.</p>".encode("cp1256"),
        seen=["هل يمكنني إرجاع المنتج؟", "نعم خلال ثلاثين يوما."], locale="ar",
        asked=[("هل يمكنني إرجاع المنتج؟", "نعم خلال ثلاثين يوما.")],
    ),
    Paper(
        name="names_in_the_fourth_row.csv",
        body="Our list;;;\nof 2031;;;\n;;;\nNr;Frage;Antwort;Rest\n"
        "1;Was kostet es?;5 €;\n".encode(),
        seen=["Was kostet es?", "5 €"], asked=[("Was kostet es?", "5 €")],
    ),
    Paper(
        name="html_in_cells.csv",
        body='번호,질문,답변\n1,언제 오나요?,"<p>보통 <b>2일</b> 걸립니다.'
        '<br>제주는 5일</p>"\n'.encode("cp949"),
        seen=["언제 오나요?", "보통 2일 걸립니다.", "제주는 5일"], hidden=["<p>"],
        asked=[("언제 오나요?", "보통 2일")],
    ),
    Paper(
        name="one_bad_byte.csv",
        body=b"question,answer\nWhere?,Caf\xe9 \xe2\x82\xac 5 and \xec\x95\x88\xeb\x85\x95\n",
        seen=["Where?", "Café € 5 and 안녕"], asked=[("Where?", "안녕")], warned=["1 characters"],
    ),
    Paper(
        name="letters_in_a_list.md",
        body=b"# FAQ\n\n- **Q: Is it open?**\n  **A:** Yes.\n- **Q: Is it free?** A: No.\n",
        seen=["Is it open?", "Yes.", "Is it free?", "No."],
        asked=[("Is it open?", "Yes."), ("Is it free?", "No.")],
    ),
    Paper(
        name="numbered.txt",
        body=b"Harbour FAQ\n\n1. Can I bring food?\nYes, cold food.\n\n2. Where do I pay?\nHere.\n",
        seen=["Can I bring food?", "Yes, cold food.", "Where do I pay?", "Here."],
        asked=[("Can I bring food?", "Yes, cold food."), ("Where do I pay?", "Here.")],
    ),
    Paper(name="tabs.txt", body=b"Question\tAnswer\nHow\tLike this.\n", seen=["How", "Like this."],
          asked=[("How", "Like this.")]),
    Paper(
        name="underlined.txt",
        body=b"Asked often\n===========\n\nHow long?\n---------\nTwo hours.\n",
        seen=["Asked often", "How long?", "Two hours."], title="Asked often",
        asked=[("How long?", "Two hours.")],
    ),
    Paper(
        name="short_names.json",
        body=json.dumps({"data": {"faqs": [{"q": "Any wifi?", "a": "Upstairs."}]}}).encode(),
        seen=["Any wifi?", "Upstairs."], asked=[("Any wifi?", "Upstairs.")],
    ),
    Paper(
        name="several_wordings.jsonl",
        body=json.dumps({"questions": ["Can I cancel?", "How to cancel"], "answer": "In the app."}
                        ).encode(),
        seen=["Can I cancel?", "In the app."], asked=[("Can I cancel?", "In the app.")],
    ),
    Paper(name="letters.pdf", body=drawn(letters), seen=["Where do boats leave?", "Who may steer?"],
          asked=[("Where do boats leave?", "every hour and every half hour"),
                 ("Who may steer?", "Anybody over 18.")]),
    Paper(
        name="printed.pdf", body=drawn(printed),
        seen=["Rules", SAFETY, WEATHER, "Boat 33", "33 €", "1. Before", "2. After",
              "1. Make fast", "2. Go ashore"],
        asked=[("2. After", "1. Make fast\n2. Go ashore")],
    ),
    Paper(
        name="boxes.pptx", body=boxes(), seen=["Words in a group", "How do I pay?", "By card."],
        asked=[("How do I pay?", "By card.")],
    ),
    Paper(
        name="quoting.eml", body=quoting_letter(), seen=["Refunds take a week.", "How long?"],
        hidden=["Ann Private"], title="Refunds",
    ),
    Paper(name="turned.pdf", body=drawn(turned), seen=["Words on a page that is turned"]),
    Paper(name="korean.eml", body=korean_letter(), seen=["영업시간은 아홉 시부터입니다."],
          title="안내", locale="ko"),
)  # fmt: skip
