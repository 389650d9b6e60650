"""What identifies somebody is taken out of past conversations; what everybody may read stays."""

from __future__ import annotations

import pytest

from core.text.anonymization import anonymized, holes_in, is_automatic, without_holes

PLANTED = [
    ("Hi Anna,\n\nit takes 5 days.\n\nBest regards,\nPeter Frost\nSupport", ["Anna", "Peter"]),
    ("hello john, it takes 5 days.\nCheers, Tom", ["john", "Tom"]),
    ("My name is Maria Lopez and it is late.", ["Maria", "Lopez"]),
    ("my name is maria, and it is late.", ["maria"]),
    ("Thanks, Mrs. Ellen O’Brien called.", ["Ellen", "Brien"]),
    ("Write to jo.doe+x@mail.example.co or +44 20 7946 0958.", ["jo.doe", "7946"]),
    ("Card 4111 1111 1111 1111 was refused.", ["4111"]),
    ("Order #10234 and ORD-2024-88123 are late.", ["10234", "88123"]),
    ("Order number is AB123456.", ["AB123456"]),
    ("Send it to 221B Baker Street, London NW1 6XE please.", ["221B", "Baker", "6XE"]),
    ("I live at 12 Rose Lane, Springfield.", ["Rose", "12 "]),
    ("Ship to 1600 Pennsylvania Ave, Washington, DC 20500.", ["Pennsylvania", "20500"]),
    ("I was born on 12/03/1980.", ["1980"]),
    ("안녕하세요 김민수 고객님, 5일 걸립니다.\n감사합니다.\n상담원 이지은 드림", ["민수", "지은"]),
    ("저는 박서준입니다. 늦어요.", ["박서준"]),
    ("주문번호 20240311-0012345 건이 늦어요.", ["0012345"]),
    ("서울특별시 강남구 테헤란로 123 101동 1002호로 보내 주세요.", ["테헤란로", "1002호"]),
    ("제 번호는 010-1234-5678 이고 주민번호 900101-1234567 입니다.", ["1234-5678", "900101"]),
    ("Hola Juan, tu pedido ABC-12345 sale mañana.\nSaludos,\nLucía", ["Juan", "12345", "Lucía"]),
    ("Me llamo Carmen Ruiz y vivo en Calle Mayor 5, 28013 Madrid.", ["Carmen", "Mayor 5"]),
]


@pytest.mark.parametrize(("text", "planted"), PLANTED)
def test_what_identifies_somebody_goes(text: str, planted: list[str]) -> None:
    left = anonymized(text)
    assert [one for one in planted if one in left] == [], left


@pytest.mark.parametrize(
    "text",
    [
        "You can return it within 30 days. Delivery takes 3-5 days, costs 4.90 and ends at 18:00.",
        "How do I top up with Apple Pay?",
        "Open Settings > Cards and tap Freeze. From 1 May 2024 on it is free.",
        "환불은 보통 3일 정도 걸리며 매장은 2층 안내 데스크 옆에 있습니다.",
        "¿Puedo devolver un artículo en 30 días?",
    ],
)
def test_what_everybody_may_read_stays(text: str) -> None:
    assert anonymized(text) == text


def test_names_that_are_known_go_wherever_they_stand() -> None:
    text = "As Frost said, ask Jo Frost. 지은 님이 이지은에게 전했습니다."
    left = anonymized(text, names=["Jo Frost", "이지은"])
    assert "Frost" not in left
    assert "지은" not in left


def test_what_is_quoted_from_before_goes() -> None:
    text = "It takes 5 days.\n\nOn Mon, 3 Mar 2024, Jo Doe <jo@x.example> wrote:\n> my secret"
    assert anonymized(text) == "It takes 5 days."


def test_gaps_are_counted_and_closed() -> None:
    text = anonymized("Mail jo@x.example now.")
    assert holes_in(text) == 1
    assert without_holes(text) == "Mail now."


@pytest.mark.parametrize(
    ("text", "automatic"),
    [
        ("This is an automated message. We have received your request.", True),
        ("I am out of the office until Monday.", True),
        ("문의가 정상적으로 접수되었습니다.", True),
        ("Open the app and tap Refund.", False),
    ],
)
def test_what_machines_write_is_known(text: str, *, automatic: bool) -> None:
    assert is_automatic(text) is automatic
