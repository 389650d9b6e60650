"""Under an answer of the assistant a customer may ask for a person; at the end he may rate."""

from __future__ import annotations

from pathlib import Path

import pytest

import config
from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.messages import Author
from core.engine.outbound.quick_replies import buttons_under
from core.i18n import Words

WORDS = Words.load(Path(config.__path__[0]) / "locales")


@pytest.mark.parametrize(
    ("locale", "label"), [("en", "Talk to a person"), ("ko", "상담원과 대화하기")]
)
def test_an_answer_offers_a_person(locale: str, label: str) -> None:
    sent = ev.Sent(author=Author.AI, text="Thirty days.")
    (button,) = buttons_under(sent, Conversation(id="c", locale=locale), WORDS)
    assert (button.id, button.label) == ("human", label)


def test_the_end_offers_a_rating() -> None:
    sent = ev.Sent(author=Author.SYSTEM, text="Closed.", notice=ev.Notice.RESOLVED)
    offered = buttons_under(sent, Conversation(id="c", status=Status.RESOLVED), WORDS)
    assert [button.id for button in offered] == [f"rating:{score}" for score in range(1, 6)]


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        (ev.Sent(author=Author.AGENT, text="Hello."), Conversation(id="c")),
        (ev.Sent(author=Author.AI, text="x"), Conversation(id="c", status=Status.HUMAN)),
        (ev.Sent(author=Author.AI, text="x"), Conversation(id="c", person_requested=True)),
        (
            ev.Sent(author=Author.SYSTEM, text="x", notice=ev.Notice.PERSON_COMING),
            Conversation(id="c"),
        ),
    ],
)
def test_nobody_is_offered_what_he_has(sent: ev.Sent, state: Conversation) -> None:
    assert buttons_under(sent, state, WORDS) == ()
