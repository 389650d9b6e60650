"""People whose names and words are chosen to be mistaken for the program's own, or each other's."""

from __future__ import annotations

import enum
import importlib
import json
import pkgutil
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import analytics
import approvals
import core
import plugins
from core.domain.messages import Address
from core.privacy.schema import Kinds
from core.privacy.stored import COLLECTIONS

ARTICLES = {
    "returns": ("How do I return a parcel?", "Put the label on it and bring it to any shop."),
    "hours": ("When are you open?", "From 9:00 to 18:00 on every day of the week."),
    "reset": ("How do I reset my password?", "Open Settings, press Reset and follow the link."),
}
"""What the company knows itself; somebody will quote it word for word."""

KNOWN_QUESTION = "Where does my parcel go back to?"
STAFF = ("ann@example.com", "sue@example.com", "root@example.com")
CHANNELS = ("web", "telegram", "sms", "slack", "email", "acme")
PLOTS = (
    "alone", "alone", "rated", "complained", "waits", "waits", "approved", "edited", "edited",
    "rejected", "rejected_silently", "taken_over", "talked", "resolved", "undelivered", "carded",
    "stopped", "typed_on",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """One of them; `plot` is what happens in their conversation."""

    number: int
    address: Address
    sender_id: str
    name: str
    texts: tuple[str, ...]
    plot: str
    said_of_them: str  #: what agents write about or to them: reasons, notes, hints
    contact: str  #: by which they are forgotten
    mark: str  #: a word of theirs that nobody else uses

    @property
    def conversation_id(self) -> str:
        return self.address.conversation_id()


def crowd(size: int, *, seed: int) -> list[Character]:
    """So many of them, the same for the same seed."""
    dice = random.Random(seed)
    addresses = [_address(n, dice) for n in range(size)]
    words = [*program_words(), *ODD, *STAFF, KNOWN_QUESTION]
    words += [part for article in ARTICLES.values() for part in article]
    ids = [a.chat for a in addresses] + [a.conversation_id() for a in addresses]
    names: list[str] = []
    people = []
    for n, address in enumerate(addresses):
        names.append(_name(dice, words, names))
        others = [*dice.sample(ids, min(6, len(ids))), *dice.sample(names, min(3, len(names)))]
        people.append(
            Character(
                number=n,
                address=address,
                sender_id=address.chat,
                name=names[-1],
                texts=(*_texts(dice, words, others, names[-1]), f"What of my quokka{n}z?"),
                plot=PLOTS[n % len(PLOTS)],
                said_of_them=dice.choice((dice.choice(words), f"about {names[-1]}", "wrong topic")),
                contact=_contact(dice, address),
                mark=f"quokka{n}z",
            )
        )
    return people


def program_words() -> Sequence[str]:
    """Every value of every enum, every name of a collection, of a field, of a channel."""
    found = {*CHANNELS, *(stored.name for stored in COLLECTIONS)}
    for stored in COLLECTIONS:
        found.update(_fields(stored.fields))
    for package in (core, approvals, analytics, plugins):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".testing" in module.name or module.name.endswith("__main__"):
                continue
            if module.name.split(".")[-1] == "drawing":
                continue
            for thing in vars(importlib.import_module(module.name)).values():
                if isinstance(thing, type) and issubclass(thing, enum.StrEnum):
                    found.update(member.value for member in thing)
    return sorted(found)


def _fields(shape: object) -> Iterator[str]:
    match shape:
        case Kinds(shapes=shapes):
            yield from shapes
            for inner in shapes.values():
                yield from _fields(inner)
        case Mapping():
            for name, inner in shape.items():
                yield str(name)
                yield from _fields(inner)
        case [inner]:
            yield from _fields(inner)
        case _:
            return


ODD = (
    "", " ", "a", "e", "i", "x", ".", "*", ".*", "^.*$", "[a-z]+", r"\d+", r"\b\w+\b", "(", ")",
    "|", "$set", "$where", "$ne", "{}", "[]", '{"$gt": ""}', "null", "None", "true", "0", "1", "-1",
    "[erased]", "erased", "_id", "c", "n", "at", "events", "state", "daily", "\n", "\t", "\\", "'",
    '"', "`", "<b>", "&amp;", "%s", "{0}", "🙂", "👩‍👩‍👧‍👦", "🇰🇷", "ㅋㅋㅋ", "김민수", "김", "수",
    "\u202eevil", "\u200b", "e\u0301", "é", "I", "ı", "ß", "SS", "the", "and", "you", "open",
    "OPEN",
    "2026-11-29", "10:00", "5", "How", "parcel", "Reset", "operator", "retention", "system", "",
    "desk", "admin", "agent", "customer", "localhost", "127.0.0.1", "learned", "console",
    "이", "나", "배송", "환불", "고객", "상담원", "하늘", "보라", "가을", "사랑", "우리", "네",
    "주문", "한국어", "사람", "대기", "검토", "미정", "안녕", "오늘", "12", "2026", "3.5", "09:00",
    "18:00", "day", "week", "shop", "parcel?", "C++", "a|b", "(?i)x", "a{2}", "\\", "[^a]", "$1",
    "\\1", "?", "+", "web:web:c1000",
)  # fmt: skip
"""Names nobody's program should trip over."""


def _name(dice: random.Random, words: Sequence[str], before: Sequence[str]) -> str:
    match dice.randrange(8):
        case 0 if before:
            return dice.choice(before)  # somebody else's
        case 1 if before:
            name = dice.choice(before)
            return name[: max(1, len(name) // 2)]
        case 2:
            return dice.choice(words).upper()
        case 3:
            return f"{dice.choice(('Kim', 'Ann', 'Min'))} {dice.choice(words)}"
        case 4:
            return "n" * 3000
        case _:
            return dice.choice(words)


def _texts(
    dice: random.Random, words: Sequence[str], others: Sequence[str], name: str
) -> list[str]:
    return [_text(dice, words, others, name) for _ in range(dice.choice((0, 1, 1, 2)))]


def _text(dice: random.Random, words: Sequence[str], others: Sequence[str], name: str) -> str:
    match dice.randrange(12):
        case 0:
            return dice.choice(list(ARTICLES.values()))[1]  # a whole article
        case 1:
            return dice.choice(list(ARTICLES.values()))[0]
        case 2:
            return f"{dice.choice(words)} {dice.choice(words)} {dice.choice(words)}"
        case 3:
            return f"My friend {dice.choice(others)} wrote before, ask {dice.choice(STAFF)}"
        case 4:
            return dice.choice(others)
        case 5:
            return json.dumps({dice.choice(words): dice.choice(words)})
        case 6:
            return f"I am {name}. " + "long " * dice.choice((1, 50, 1500))
        case 7:
            return KNOWN_QUESTION
        case 8:
            return "\n".join(dice.choice(words) for _ in range(5))
        case _:
            return dice.choice(words) or "?"


def _address(n: int, dice: random.Random) -> Address:
    channel = CHANNELS[n % len(CHANNELS)]
    # Of many, some are the beginning or the end of others', and none looks like a person's name.
    number = 1_000 + n * 7
    match channel:
        case "sms":
            return Address(channel=channel, account="+15550001", chat=f"+8210{55500000 + number}")
        case "telegram":
            return Address(channel=channel, account="4242", chat=str(55500000 + number))
        case "slack":
            return Address(channel=channel, account="T1", chat=f"D{number}", thread=f"17{number}.1")
        case "email":
            return Address(
                channel=channel,
                account="desk@shop.example",
                chat=f"{dice.choice('abc')}{number}@example.org",
            )
        case _:
            return Address(channel=channel, account=channel, chat=f"c{number}")


def _contact(dice: random.Random, address: Address) -> str:
    ways = [address.conversation_id(), f"{address.channel}:{address.chat}"]
    if address.channel in ("sms", "email", "telegram"):
        ways.append(address.chat)
    if address.channel == "sms":
        ways.append("0" + address.chat.removeprefix("+82"))
    if address.channel == "email":
        ways.append(address.chat.upper())
    return dice.choice(ways)
