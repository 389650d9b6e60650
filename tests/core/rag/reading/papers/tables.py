"""Tables of separated values, and records, as programs and people write them."""

from __future__ import annotations

import json

from tests.core.rag.reading.papers.paper import Paper

ROWS = (
    ("How much is a canoe?", "Ten euros an hour."),
    ("May I bring a dog?", "Yes, on a lead."),
)


def seen(*rows: tuple[str, str]) -> list[str]:
    """Questions and answers, one after the other."""
    return [text for row in rows for text in row]


KOREAN = (("환불은 되나요?", "14일 안에 됩니다."), ("영업시간은 언제인가요?", "아홉 시부터입니다."))
JAPANESE = (
    ("返品はできますか？", "三十日以内ならできます。"),
    ("営業時間はいつですか？", "九時からです。"),
)
CHINESE = (("可以退货吗？", "三十天内可以退货。"), ("营业时间是几点？", "上午九点开始。"))
GERMAN = (
    ("Gibt es Rückgabe?", "Ja, für 5 € – „immer“."),
    ("Wo ist der Steg?", "Hinter dem Bahnhof, über die Brücke."),
)


def lines(*rows: tuple[str, ...], by: str = ",", end: str = "\r\n") -> str:
    """Rows as they are, without quotation marks."""
    return end.join(by.join(row) for row in rows) + end


LONGER_NAMES = (
    ("Nr", "Häufige Kundenfrage", "Unsere Antwort", "Interne Notiz"),
    ("ID", "Question (EN)", "Answer text", "Owner"),
    ("번호", "고객 질문", "상담 답변", "담당자"),
    ("№", "よくある質問", "標準回答", "担当者"),
    ("No", "FAQ", "Response", "Internal note"),
    ("Id", "Pregunta del cliente", "Respuesta para la web", "Responsable"),
)


TABLES = (
    Paper(
        name="plain.csv", body=lines(("question", "answer"), *ROWS).replace(
            "Yes, on a lead.", '"Yes, on a lead."').encode(),
        seen=seen(*ROWS), asked=ROWS,
    ),
    Paper(
        name="german.csv", body=lines(("Frage", "Antwort"), *GERMAN, by=";").encode("cp1252"),
        seen=seen(*GERMAN), asked=GERMAN, locale="de",
    ),
    Paper(
        name="korean.csv", body=lines(("질문", "답변"), *KOREAN).encode("cp949"),
        seen=seen(*KOREAN), asked=KOREAN, locale="ko",
    ),
    Paper(
        name="japanese.csv", body=lines(("質問", "回答"), *JAPANESE).encode("cp932"),
        seen=seen(*JAPANESE), asked=JAPANESE, locale="ja",
    ),
    Paper(
        name="chinese.csv", body=lines(("问题", "答案"), *CHINESE).encode("gbk"),
        seen=seen(*CHINESE), asked=CHINESE, locale="zh",
    ),
    Paper(
        name="of_excel.csv",
        body=("sep=;\r\n" + lines(("Questions", "Answer"), *ROWS, by=";")).encode("utf-16"),
        seen=seen(*ROWS), asked=ROWS,
    ),
    Paper(
        name="tabs.tsv", body=lines(("Question", "Answer"), *ROWS, by="\t").encode("utf-16-le"),
        seen=seen(*ROWS), asked=ROWS,
    ),
    Paper(
        name="bars.csv", body=lines(("Category", "Question", "Response"),
                                    *(("Boats", *row) for row in ROWS), by="|").encode(),
        seen=seen(*ROWS), asked=ROWS,
    ),
    Paper(
        name="no_quotes.csv",
        body=b"question,answer,topic\nHow much?,5, or more,price\n"
        b"Boats, small and big?,Yes.,boats\n",
        seen=["How much?", "5, or more", "Boats, small and big?", "Yes."],
        asked=[("How much?", "5, or more"), ("Boats, small and big?", "Yes.")],
        warned=["2: more cells than columns", "3: more cells than columns"],
    ),
    Paper(
        name="curly.csv", body=lines(("question", "answer"), ("Is it free?", "It’s “free”…"),
                                     ("And food?", "No – 5 € each.")).encode("cp1252"),
        seen=["Is it free?", "It’s “free”…", "No – 5 € each."], asked=[("Is it free?", "It’s")],
    ),
    Paper(
        name="one_bad_row.csv",
        body=b'question,answer\n"Two\nlines?","Of\ntext."\nOnly a question?,\n\n'
        b'5" pipe?,"Yes, 5"" too."\n'
        b'"An open mark?,All right.\nLast one?,Fine.\n',
        seen=["Two lines?", "Of text.", '5" pipe?', 'Yes, 5" too.', "All right.", "Last one?"],
        asked=[("Two lines?", "Of text."), ('5" pipe?', "Yes"), ("Last one?", "Fine.")],
        warned=["5: left out, as it has no answer", "8: a quotation mark is never closed"],
    ),
    Paper(
        name="twice.csv",
        body=b"question,answer\nWhen?,At nine.\nWhen?,At ten.\nWhere?,Here.\nWhere?,Here.\n",
        seen=["When?", "At nine.", "At ten.", "Here."],
        asked=[("When?", "At nine."), ("When?", "At ten.")],
        warned=["answered once more, and otherwise", "twice in this file"],
    ),
    *(
        Paper(
            name=f"longer_names_{number}.csv",
            body=lines(names, *(("1", *row, "frag Bob") for row in ROWS), by=";").encode(),
            seen=seen(*ROWS), asked=ROWS, hidden=["frag Bob"],
        )
        for number, names in enumerate(LONGER_NAMES)
    ),
    Paper(
        name="counts.csv", body=b"Month,Number of questions,Number of answers\nMay,120,118\n",
        seen=["May", "Number of questions", "120", "118"], warned=["taken as a table of Month"],
        asked=[("counts", "Number of questions: 120; Number of answers: 118")],
    ),
    Paper(
        name="phrases.csv", body=b"Button;Shows\nFAQ;Our team\nAsk a question;Get an answer\n"
        b"Your questions;Send an answer\n",
        seen=["Button", "FAQ", "Ask a question", "Get an answer"],
        warned=["taken as a table of Button"],
    ),
    Paper(
        name="prices.csv", body=b"Boat;Hour;Day\nCanoe;10;50\nFerry;90;700\n",
        seen=["Boat", "Hour", "Canoe", "10", "Ferry", "700"],
        asked=[("prices", "Boat: Ferry; Hour: 90; Day: 700")],
        warned=["taken as a table of Boat, Hour, Day"],
    ),
    Paper(
        name="no_names.csv", body=lines(*ROWS, by=";").encode(),
        seen=seen(*ROWS), asked=ROWS, warned=["no row names the columns"],
    ),
    Paper(
        name="lines.jsonl",
        body="\n".join(
            json.dumps(row, ensure_ascii=False)
            for row in (
                {"id": "a", "title": "Where to?", "text": "To the\u2028pier.\x85Then left."},
                {"question": "With whom?", "answer": "With us."},
            )
        ).encode() + b"\n{broken\n",
        seen=["Where to?", "To the pier.", "With whom?", "With us."],
        asked=[("Where to?", "Then left."), ("With whom?", "With us.")],
        warned=["3: left out"],
    ),
    Paper(
        name="list.json",
        body=json.dumps(
            {"faqs": [{"question": q, "answer": a, "category": "boats"} for q, a in ROWS]}
        ).encode(),
        seen=seen(*ROWS), asked=ROWS,
    ),
)  # fmt: skip
