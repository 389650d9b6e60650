"""Questions and answers of past conversations: what stands alone, without who said it."""

from __future__ import annotations

from imports.formats.conversations import PastConversation, PastMessage, Role
from imports.groups.exchanges import Exchange, exchanges_of


def talk(*said: tuple[Role, str], subject: str = "") -> list[Exchange]:
    conversation = PastConversation(
        id="7",
        subject=subject,
        messages=tuple(PastMessage(role=role, text=text) for role, text in said),
        names=("Jo Doe", "Ana Frost"),
        contacts=("jo@mail.example",),
    )
    return list(exchanges_of(conversation, origin="x", fingerprint=str.upper))


CUSTOMER, AGENT, MACHINE = Role.CUSTOMER, Role.AGENT, Role.MACHINE


def test_greeting_story_and_name_go() -> None:
    [one] = talk(
        (CUSTOMER, "Hello, I am Jo Doe. I bought a lamp.\nHow long is the warranty?\nThanks, Jo"),
        (AGENT, "Hi Jo,\n\nThe warranty is two years.\n\nBest,\nAna"),
    )
    assert one.question == "How long is the warranty?"
    assert one.answer == "The warranty is two years."
    assert one.who == ("JO@MAIL.EXAMPLE",)


def test_what_means_nothing_alone_is_left_out() -> None:
    found = talk(
        (CUSTOMER, "Do you ship to Norway?"),
        (AGENT, "Yes, parcels to Norway take a week."),
        (CUSTOMER, "And how much?"),
        (AGENT, "It costs nine euros each time."),
        (CUSTOMER, "Can I pay by invoice as a company?"),
        (AGENT, "Companies may pay by invoice within 14 days."),
    )
    assert [one.question for one in found] == [
        "Do you ship to Norway?",
        "Can I pay by invoice as a company?",
    ]
    assert len({one.id for one in found}) == 2


def test_machines_answer_nothing() -> None:
    assert not talk((CUSTOMER, "Do you ship to Norway?"), (MACHINE, "We got it, be patient!"))
    assert not talk(
        (CUSTOMER, "Do you ship to Norway?"),
        (AGENT, "This is an automated reply. We have received your request."),
    )


def test_the_subject_is_asked_where_the_text_asks_nothing() -> None:
    [one] = talk(
        (CUSTOMER, "See above."), (AGENT, "The warranty is two years."), subject="Re: warranty?"
    )
    assert "warranty" in one.question


def test_a_subject_out_of_a_forms_list_and_who_they_are_is_no_part_of_the_question() -> None:
    told = "hey My account number is 4711220. google pay top up did not work\nThanks, Jo Doe"
    for subject in ("Question", "Help", "Card", "문의", ""):
        [one] = talk((CUSTOMER, told), (AGENT, "Top-ups by Google Pay need two."), subject=subject)
        assert one.question == "google pay top up did not work"
    [one] = talk((CUSTOMER, told), (AGENT, "Top-ups need two."), subject="Google Pay limits")
    assert one.question == "Google Pay limits google pay top up did not work"


def test_what_nobody_could_tell_teaches_nothing() -> None:
    for told in ("What do I do?", "My account number is 4711220. Why?", "How can I do this?\nJo"):
        assert not talk((CUSTOMER, told), (AGENT, "The warranty is two years."), subject="Account")
    [one] = talk((CUSTOMER, "Hey, I lost my card. What do I do?"), (AGENT, "Freeze it in the app."))
    assert one.question == "I lost my card. What do I do?"


def test_what_was_done_for_one_customer_is_marked() -> None:
    [one] = talk((CUSTOMER, "Where is my parcel?"), (AGENT, "I have refunded your order today."))
    assert one.one_customer
