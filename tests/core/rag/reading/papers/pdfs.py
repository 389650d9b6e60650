"""PDF files as offices print them, drawn by reportlab."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfgen.canvas import Canvas

from tests.core.rag.reading.papers.paper import Paper

WIDTH, HEIGHT = A4


def drawn(draw: Callable[[Canvas], None], title: str = "", **more: str) -> bytes:
    """A PDF that this draws."""
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=A4, **more)
    if title:
        canvas.setTitle(title)
    draw(canvas)
    canvas.save()
    return made.getvalue()


def wrapped(text: str, width: float, size: float = 10, font: str = "Helvetica") -> list[str]:
    """The text in lines of at most this width."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if stringWidth(longer, font, size) > width and line:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def written(canvas: Canvas, lines: list[str], left: float, top: float, step: float = 13) -> float:
    """Draw these lines; where the next one would stand."""
    for line in lines:
        canvas.drawString(left, top, line)
        top -= step
    return top


SAFETY = (
    "Every guest puts on a vest before the boat leaves the pier and keeps it on until the boat has "
    "come back and has been made fast. Children under twelve sit in the middle of the boat and "
    "never at the bow, whatever the weather is like on that day of the year."
)
WEATHER = (
    "Above six knots of wind no canoe leaves the harbour, and above nine knots nobody. Whoever "
    "has paid gets the money back within three days, on the card with which the trip was paid for, "
    "and need not ask for it in any way at all."
)
HOURS = "Our office is open every working day and closed on all the holidays of the canton."


def handbook(canvas: Canvas) -> None:
    """Two pages with running heads, numbers inside a sentence, and a word in two parts."""
    for page, parts in enumerate((("Safety on board", SAFETY), ("", WEATHER)), 1):
        canvas.setFont("Helvetica", 8)
        canvas.drawString(60, HEIGHT - 30, "Harbour Boats - Handbook for guests")
        canvas.drawCentredString(WIDTH / 2, 25, f"Page {page} of 2")
        top = HEIGHT - 90
        if parts[0]:
            canvas.setFont("Helvetica-Bold", 18)
            canvas.drawString(60, top, parts[0])
            top -= 30
        canvas.setFont("Helvetica", 10)
        if page == 1:
            top = written(canvas, wrapped(parts[1], 400), 60, top) - 10
            written(
                canvas, ["Our office is open every work-", "ing day and closed on all the"], 60, top
            )
        else:
            top = written(canvas, ["holidays of the canton."], 60, top) - 20
            canvas.setFont("Helvetica-Bold", 14)
            canvas.drawString(60, top, "What happens in wind?")
            canvas.setFont("Helvetica", 10)
            written(canvas, wrapped(parts[1], 400), 60, top - 24)
        canvas.showPage()


def columns(canvas: Canvas) -> None:
    """A page in two columns under one title."""
    canvas.setFont("Helvetica-Bold", 18)
    canvas.drawString(60, HEIGHT - 80, "Guide in two columns")
    canvas.setFont("Helvetica", 10)
    written(canvas, wrapped(SAFETY, 220), 60, HEIGHT - 120)
    written(canvas, wrapped(WEATHER, 220), 320, HEIGHT - 120)


def prices(canvas: Canvas) -> None:
    """A table of eighty rows over two pages."""
    number = 0
    for page in range(2):
        top = HEIGHT - 80
        if page == 0:
            canvas.setFont("Helvetica-Bold", 16)
            canvas.drawString(60, top, "Prices of all boats")
            top -= 30
        for row in range(-1, 40):
            canvas.setFont("Helvetica-Bold" if row < 0 else "Helvetica", 10)
            cells = ("Boat", "Hour", "Day") if row < 0 else (
                f"Boat number {number}", f"{number + 5} €", f"{10 * number + 50} €")  # fmt: skip
            for cell, left in zip(cells, (60, 250, 400), strict=True):
                canvas.drawString(left, top, cell)
            top -= 16
            number += row >= 0
        canvas.showPage()


def items(canvas: Canvas) -> None:
    """A list with bullets, of which one is wrapped."""
    canvas.setFont("Helvetica-Bold", 16)
    canvas.drawString(60, HEIGHT - 80, "What to bring")
    canvas.setFont("Helvetica", 10)
    top = HEIGHT - 110
    for line in ("• a warm coat, as it is colder on", "  the water than on land",
                 "• shoes that may", "  get wet", "• water for the whole day"):  # fmt: skip
        canvas.drawString(70 if line.startswith("•") else 78, top, line.strip())
        top -= 13


def picture(text: str) -> ImageReader:
    """A scan of a page."""
    image = Image.new("L", (600, 800), 255)
    ImageDraw.Draw(image).text((60, 100), text, fill=0)
    return ImageReader(image)


def scans(canvas: Canvas) -> None:
    """One page of text, two of pictures."""
    canvas.setFont("Helvetica", 11)
    canvas.drawString(60, HEIGHT - 90, "This page says that deposits are paid in cash.")
    canvas.showPage()
    for number in (2, 3):
        canvas.drawImage(picture(f"scanned {number}"), 0, 0, WIDTH, HEIGHT)
        canvas.showPage()


def questions(canvas: Canvas) -> None:
    """Questions in bold letters of the size of the text."""
    top = HEIGHT - 90
    for question, answer in (("May I fish?", "With a licence of the canton only."),
                             ("Lockers", "They are free until six.")):  # fmt: skip
        canvas.setFont("Helvetica-Bold", 11)
        canvas.drawString(60, top, question)
        canvas.setFont("Helvetica", 11)
        canvas.drawString(60, top - 15, answer)
        top -= 45


def korean(canvas: Canvas) -> None:
    """A page in Korean."""
    registerFont(UnicodeCIDFont("HYSMyeongJo-Medium"))
    canvas.setFont("HYSMyeongJo-Medium", 18)
    canvas.drawString(60, HEIGHT - 90, "환불 안내")
    canvas.setFont("HYSMyeongJo-Medium", 11)
    canvas.drawString(60, HEIGHT - 120, "구매 후 14일 안에 환불됩니다.")


def invisible(canvas: Canvas) -> None:
    """Text below the page and a title that is a file's name."""
    canvas.setFont("Helvetica", 11)
    canvas.drawString(60, HEIGHT - 90, "Seen by everybody who opens it.")


TIDE = "At low tide the small pier is dry and all boats leave from the long pier behind the mill."
DOGS = "Dogs travel free of charge if they stay on a lead."


def ends_in_columns(canvas: Canvas) -> None:
    """A page in two columns, and a last one with the few lines that were left."""
    for left, right in ((SAFETY, WEATHER), (TIDE, DOGS)):
        canvas.setFont("Helvetica", 10)
        written(canvas, wrapped(left, 200), 60, HEIGHT - 90)
        written(canvas, wrapped(right, 200), 320, HEIGHT - 90)
        canvas.showPage()


def under_a_table(canvas: Canvas) -> None:
    """A title and a list right below a table."""
    top = HEIGHT - 90
    canvas.setFont("Helvetica", 10)
    for row in range(5):
        cells = (f"Gasket {row}", f"{row + 3} €") if row else ("Part", "Price")
        for cell, left in zip(cells, (60, 260), strict=True):
            canvas.drawString(left, top - 18 * row, cell)
    canvas.setFont("Helvetica-Bold", 13)
    canvas.drawString(60, top - 110, "Before you order")
    canvas.setFont("Helvetica", 10)
    for item, text in enumerate(("Measure twice", "Send a photo"), 1):
        canvas.drawString(62, top - 113 - 15 * item, f"• {text}")


PDFS = (
    Paper(
        name="ends_in_columns.pdf", body=drawn(ends_in_columns), seen=[SAFETY, WEATHER, TIDE, DOGS],
    ),
    Paper(
        name="under_a_table.pdf", body=drawn(under_a_table),
        seen=["Gasket 4", "7 €", "Before you order", "Measure twice", "Send a photo"],
        asked=[("Before you order", "- Measure twice\n- Send a photo")],
    ),
    Paper(
        name="handbook.pdf",
        body=drawn(handbook, "Microsoft Word - handbook_v7_FINAL(2).docx"),
        seen=["Safety on board", SAFETY, HOURS, "What happens in wind?", WEATHER],
        hidden=["Handbook for guests", "Page 1 of 2", "FINAL"],
        asked=[("What happens in wind?", "no canoe leaves"), ("Safety on board", "working day")],
        title="Safety on board",
    ),
    Paper(
        name="columns.pdf", body=drawn(columns, "The guide"), seen=["Guide in two columns", SAFETY,
        WEATHER], title="The guide",
    ),
    Paper(
        name="prices.pdf", body=drawn(prices),
        seen=["Prices of all boats", "Boat number 0", "Boat number 79", "840 €"],
        asked=[("Prices of all boats", "Boat: Boat number 79; Hour: 84 €; Day: 840 €"),
               ("Prices of all boats", "Boat: Boat number 3; Hour: 8 €; Day: 80 €")],
        title="Prices of all boats",
    ),
    Paper(
        name="items.pdf", body=drawn(items),
        seen=["What to bring", "a warm coat, as it is colder on the water than on land",
              "shoes that may get wet", "water for the whole day"],
        asked=[("What to bring", "- shoes that may get wet\n- water")],
    ),
    Paper(
        name="scans.pdf", body=drawn(scans),
        seen=["This page says that deposits are paid in cash."],
        warned=["2 of 3 pages are pictures and not read: 2, 3"],
    ),
    Paper(
        name="questions.pdf", body=drawn(questions),
        seen=["May I fish?", "With a licence of the canton only.", "Lockers",
              "They are free until six."],
        asked=[("May I fish?", "With a licence"), ("Lockers", "They are free")],
    ),
    Paper(
        name="korean.pdf", body=drawn(korean), seen=["환불 안내", "구매 후 14일 안에 환불됩니다."],
        locale="ko", title="환불 안내",
    ),
    Paper(
        name="of_a_file.pdf", body=drawn(invisible, "flyer_2031_final.indd"),
        seen=["Seen by everybody who opens it."], hidden=["indd"], title="of_a_file",
    ),
)  # fmt: skip
