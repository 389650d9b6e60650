"""Tickets as help desks export them, made of a bank's questions, with personal data planted."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.rag.commands.evaluation import LabelledQuestion, read_articles, read_questions
from core.rag.domain.model import Article

FIRST = (
    "Aisha", "Bence", "Carla", "Dmitri", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jonas",
    "Katya", "Luis", "Mei", "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Sven", "Tariq", "Uma",
    "Viktor", "Wanda", "Ximena", "Yusuf", "Zofia", "Will", "Grace", "Mark", "Hope",
)  # fmt: skip
LAST = (
    "Abara", "Bianchi", "Castillo", "Dvorak", "Eriksen", "Fontaine", "Grünwald", "Haddad",
    "Ivanova", "Jansen", "Kowalski", "Lindqvist", "Moreau", "Novak", "O’Leary", "Petrov",
    "Quispe", "Romano", "Santos", "Tanaka", "Ueda", "Varga", "Weber", "Young", "Zielinski",
)  # fmt: skip
KOREAN = (
    "김서연", "이도윤", "박지호", "최하은", "정예준", "강수아", "조민재", "윤채원", "장시우",
    "임다은", "한지안", "오건우", "서유진", "신은우", "권나윤",
)  # fmt: skip
STREETS = (
    "Elm Street", "Hawthorne Road", "Kings Avenue", "Mill Lane", "Orchard Drive", "Park Crescent",
    "Station Road", "Victoria Terrace", "Willow Close", "Abbey Court",
)  # fmt: skip
TOWNS = ("Leeds", "Bristol", "Springfield", "Portland", "Dover", "Cork", "Albany", "Reading")
ROADS = ("테헤란로", "세종대로", "강남대로", "중앙로", "해운대로", "충장로")


@dataclass(slots=True)
class Writer:
    """Writes tickets with what identifies their people, and remembers what was planted."""

    rng: random.Random
    planted: list[tuple[int, str]] = field(default_factory=list)  #: ticket and value

    def plant(self, ticket: int, value: str) -> str:
        """The value, remembered."""
        self.planted.append((ticket, value))
        return value

    def ticket(self, number: int, question: str, answer: str, *, lang: str) -> dict[str, Any]:
        """One ticket as Zendesk exports it."""
        rng = self.rng
        korean = lang == "ko"
        name = rng.choice(KOREAN) if korean else f"{rng.choice(FIRST)} {rng.choice(LAST)}"
        agent = rng.choice(KOREAN) if korean else f"{rng.choice(FIRST)} {rng.choice(LAST)}"
        mail = f"{name.split()[0].lower()}.{number}@{rng.choice(('mail.example', 'post.example'))}"
        # Of a third of the people the export does not say what they are called.
        is_named = rng.random() > 1 / 3
        requester = {"id": 10_000 + number, "email": mail, "name": name if is_named else ""}
        write = self._korean if korean else self._english
        body = write(number, question, name, mail)
        reply = self._reply(number, answer, name, agent, korean=korean)
        comments: list[dict[str, Any]] = [
            {"author_id": requester["id"], "public": True, "plain_body": body}
        ]
        if rng.random() < 0.3:
            text = "This is an automated message. We have received your request."
            comments.append({"author_id": -1, "public": True, "plain_body": text})
        if rng.random() < 0.3:
            note = f"Note: {self.plant(number, name)} is angry, see {self.plant(number, mail)}."
            comments.append({"author_id": 7, "public": False, "plain_body": note})
        comments.append(
            {
                "author_id": 7,
                "author": {"id": 7, "name": agent if is_named else "", "role": "agent"},
                "public": True,
                "plain_body": reply,
            }
        )
        return {
            "id": number,
            "subject": rng.choice(("Question", "Help", "Card", "문의" if korean else "Account")),
            "created_at": f"2024-{1 + number % 9:02}-{1 + number % 28:02}T10:00:00Z",
            "requester_id": requester["id"],
            "requester": requester,
            "comments": comments,
        }

    def _phone(self) -> str:
        d = "".join(self.rng.choice("0123456789") for _ in range(8))
        return self.rng.choice(
            (
                f"+44 20 7{d[:3]} {d[3:7]}",
                f"(415) 555-{d[:4]}",
                f"+1 212 555 {d[:4]}",
                f"07700 9{d[:2]} {d[2:5]}",
            )
        )

    def _card(self) -> str:
        digits = [4, *(self.rng.randrange(10) for _ in range(14))]
        total = sum(
            d if i % 2 else (2 * d - 9 if 2 * d > 9 else 2 * d) for i, d in enumerate(digits)
        )
        digits.append(-total % 10)
        text = "".join(map(str, digits))
        spaced = " ".join(text[i : i + 4] for i in range(0, 16, 4))
        return self.rng.choice((text, spaced, spaced.replace(" ", "-")))

    def _number(self) -> str:
        d = "".join(self.rng.choice("0123456789") for _ in range(9))
        return self.rng.choice((d[:7], f"AB{d[:6]}", f"TX-2024-{d[:5]}", f"{d[:4]}-{d[4:8]}"))

    def _english(self, n: int, question: str, name: str, mail: str) -> str:
        rng, plant = self.rng, self.plant
        first = name.split()[0]
        number, phone, card = self._number(), self._phone(), self._card()
        street = f"{rng.randrange(1, 300)} {rng.choice(STREETS)}"
        told = rng.choice(
            (
                lambda: "",
                lambda: f"My name is {plant(n, name)}. ",
                lambda: f"I'm {plant(n, name)} and I have been with you for years. ",
                lambda: f"My account number is {plant(n, number)}. ",
                lambda: f"This is about transaction {plant(n, number)}. ",
                lambda: f"My card {plant(n, card)} is new. ",
                lambda: f"I live at {plant(n, street)}, {rng.choice(TOWNS)}. ",
                lambda: f"You can reach me at {plant(n, phone)} or {plant(n, mail)}. ",
                lambda: f"My new address is {plant(n, street)}, {rng.choice(TOWNS)}. ",
            )
        )()
        greeting = rng.choice(("", "Hi,\n", "Hello team,\n\n", "Dear support,\n", "hey "))
        end = rng.choice(
            (
                lambda: "",
                lambda: f"\n\nThanks,\n{plant(n, name)}",
                lambda: f"\nRegards, {plant(n, first)}",
                lambda: f"\n\nBest wishes\n{plant(n, name)}\n{plant(n, phone)}\n{plant(n, street)}",
                lambda: f"\n- {plant(n, first)}",
                lambda: f"\nThank you!\n{plant(n, name)} | {plant(n, mail)}",
                lambda: "\n\nSent from my phone",
            )
        )()
        return f"{greeting}{told}{question}{end}"

    def _korean(self, n: int, question: str, name: str, mail: str) -> str:
        rng, plant = self.rng, self.plant
        d = "".join(rng.choice("0123456789") for _ in range(8))
        phone, number = f"010-{d[:4]}-{d[4:]}", f"2024{d[:4]}-{d[4:]}"
        address = f"서울특별시 강남구 {rng.choice(ROADS)} {rng.randrange(1, 400)}"
        told = rng.choice(
            (
                lambda: "",
                lambda: f"저는 {plant(n, name)}입니다. ",
                lambda: f"제 이름은 {plant(n, name)}이고 연락처는 {plant(n, phone)}입니다. ",
                lambda: f"계좌번호 {plant(n, number)} 관련입니다. ",
                lambda: f"주소는 {plant(n, address)}입니다. ",
                lambda: f"이메일은 {plant(n, mail)}입니다. ",
            )
        )()
        end = rng.choice(("", f"\n감사합니다.\n{plant(n, name)} 드림", "\n수고하세요."))
        return f"{rng.choice(('', '안녕하세요. ', '안녕하세요, '))}{told}{question}{end}"

    def _reply(self, n: int, answer: str, name: str, agent: str, *, korean: bool) -> str:
        rng, plant = self.rng, self.plant
        if korean:
            greeting = rng.choice(("", f"안녕하세요 {plant(n, name)} 고객님,\n", "안녕하세요.\n"))
            return f"{greeting}{answer}\n감사합니다.\n상담원 {plant(n, agent)} 드림"
        first = name.split()[0]
        greeting = rng.choice(
            (f"Hi {plant(n, first)},\n\n", f"Dear {plant(n, name)},\n", "Hello,\n", "")
        )
        frame = rng.choice(("", "Thank you for writing to us. ", "Happy to help! "))
        end = rng.choice(
            (
                f"\n\nBest regards,\n{plant(n, agent)}\nCustomer Care",
                f"\n\nKind regards\n{plant(n, agent.split()[0])}",
                "",
            )
        )
        return f"{greeting}{frame}{answer}{end}"


def bank(data: Path) -> tuple[list[Article], list[LabelledQuestion]]:
    """The articles with the questions that tickets are made of, and the held-out month."""
    folder = data / "a1_bank"
    articles = read_articles(folder / "kb.jsonl", folder / "kb_examples.jsonl")
    return articles, read_questions(folder / "queries.jsonl")


def written(path: Path, articles: Sequence[Article], *, tickets: int, seed: int) -> Writer:
    """Write so many tickets, a line each; some topics are asked much more often than others."""
    rng = random.Random(seed)
    writer = Writer(rng)
    asked = [a for a in articles if a.questions]
    # Half of all letters are about a sixth of the topics.
    weights = [1.0 / (1 + rank) ** 0.7 for rank in range(len(asked))]
    rng.shuffle(asked)
    with path.open("w", encoding="utf-8") as file:
        for number in range(1, tickets + 1):
            [article] = rng.choices(asked, weights)
            question = rng.choice((article.title, *article.questions))
            # Of fifty agents one was wrong.
            answer = rng.choice(asked).text if rng.random() < 0.02 else article.text
            ticket = writer.ticket(number, question, answer, lang=article.locale)
            file.write(json.dumps(ticket, ensure_ascii=False) + "\n")
    return writer


def leaked(writer: Writer, kept: Mapping[str, str]) -> list[str]:
    """Planted values that stand in what is kept."""
    whole = "\n".join(kept.values())
    return [value for value in {value for _, value in writer.planted} if value in whole]
