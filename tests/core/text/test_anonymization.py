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

#: How letters of other languages greet, sign and introduce; the sentence between them stays.
LETTERS = [
    (
        (
            "Sehr geehrter Herr Dr. Müller,\n\nes dauert fünf Tage.\n\nMit freundlichen Grüßen\n"
            "i.A. Sabine Schmidt\nKundenservice"
        ),
        ["Müller", "Schmidt"],
        "es dauert fünf Tage.",
    ),
    ("Hallo Frau Weber, es dauert fünf Tage.\nLG Tim", ["Weber", "Tim"], "es dauert fünf Tage."),
    (
        "Guten Tag, ich heiße Jonas Klein, Kundennummer 445566. Es dauert.",
        ["Jonas", "Klein", "445566"],
        "Es dauert.",
    ),
    (
        (
            "Bonjour Mme Dupont,\nC'est possible jusqu'à 24 heures avant.\nBien à vous,\n"
            "Lucas Bernard\nService client"
        ),
        ["Dupont", "Lucas", "Bernard"],
        "C'est possible jusqu'à 24 heures avant.",
    ),
    ("Je m'appelle Amélie Petit. C'est tard.", ["Amélie", "Petit"], "C'est tard."),
    (
        "Gentile sig.ra Rossi,\nci vogliono tre giorni.\nCordiali saluti,\nMarco Bianchi",
        ["Rossi", "Marco", "Bianchi"],
        "ci vogliono tre giorni.",
    ),
    (
        "Olá Maria,\na troca leva 30 dias.\nAtenciosamente,\nEquipe\nJoão Souza",
        ["Maria", "João", "Souza"],
        "a troca leva 30 dias.",
    ),
    (
        "Beste mevrouw De Vries,\nhet duurt drie dagen.\nMet vriendelijke groet,\nPieter Bakker",
        ["Vries", "Pieter", "Bakker"],
        "het duurt drie dagen.",
    ),
    (
        "Dzień dobry Panie Kowalski,\nto trwa trzy dni.\nZ poważaniem\nAnna Nowak",
        ["Kowalski", "Anna", "Nowak"],
        "to trwa trzy dni.",
    ),
    (
        "田中様\nお問い合わせありがとうございます。\n返品は7日以内にできます。\n担当：佐藤",
        ["田中", "佐藤"],
        "返品は7日以内にできます。",
    ),
    ("山田花子と申します。返品できますか？", ["山田", "花子"], "返品できますか？"),
    ("田中太郎です。返品できますか？", ["田中", "太郎"], "返品できますか？"),
    (
        "王先生您好，收到货后七天内可以退货。\n客服小李",
        ["王先生", "小李"],
        "收到货后七天内可以退货。",
    ),
    ("您好，七天内可以退货。", [], "七天内可以退货。"),
    (
        "こんにちは。住所は東京都渋谷区神南1-2-3です。返品はできますか？",
        ["神南"],
        "返品はできますか？",
    ),
    ("我叫王小明。请问怎么退货？", ["王小明"], "请问怎么退货？"),
]


@pytest.mark.parametrize(("text", "planted"), PLANTED)
def test_what_identifies_somebody_goes(text: str, planted: list[str]) -> None:
    left = anonymized(text)
    assert [one for one in planted if one in left] == [], left


@pytest.mark.parametrize(("text", "planted", "stays"), LETTERS)
def test_letters_of_many_languages_lose_who_wrote_them_to_whom(
    text: str, planted: list[str], stays: str
) -> None:
    left = anonymized(text)
    assert [one for one in planted if one in left] == [], left
    assert stays in left


@pytest.mark.parametrize(
    "text",
    [
        "You can return it within 30 days. Delivery takes 3-5 days, costs 4.90 and ends at 18:00.",
        "How do I top up with Apple Pay?",
        "Open Settings > Cards and tap Freeze. From 1 May 2024 on it is free.",
        "환불은 보통 3일 정도 걸리며 매장은 2층 안내 데스크 옆에 있습니다.",
        "¿Puedo devolver un artículo en 30 días?",
        "Der Herr der Ringe ist ausverkauft. Die Rückgabe ist frei.",
        "Vous pouvez annuler sur le site. Le délai est de trois jours.",
        "送料無料です。お客様のご都合による返品は7日以内です。皆様にご案内しています。",
        "先生可以免费入场。客服中心在二楼，小心地滑，王府井店也可以退货。",
        "Il rimborso richiede tre giorni. Het duurt drie dagen. A troca é grátis.",
    ],
)
def test_what_everybody_may_read_stays(text: str) -> None:
    assert anonymized(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "안녕하세요, 김민수 고객님. 고객센터 상담원 이영희입니다.\n3일 안에 됩니다.\n감사합니다.",
        "안녕하세요 고객님, 노스윈드 고객센터입니다. 3일 안에 됩니다.",
        "Hi Jo,\nthis is Ann from Northwind. 3일 안에 됩니다.",
        "Hola Ana:\nSoy Luis de Northwind. 3일 안에 됩니다.",
        "お世話になっております。\nサポート担当の佐藤です。3일 안에 됩니다.",
        "您好，我是客服小李，3일 안에 됩니다.",
        "Guten Tag Frau Weber,\nmein Name ist Tim Klein vom Kundenservice. 3일 안에 됩니다.",
    ],
)
def test_who_answers_whom_is_no_gap_in_the_answer(text: str) -> None:
    assert anonymized(text) == "3일 안에 됩니다."


def test_what_is_introduced_is_kept_where_nothing_else_is_said() -> None:
    assert anonymized("고객센터입니다.") == "고객센터입니다."


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
