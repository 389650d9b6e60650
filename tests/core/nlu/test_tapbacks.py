"""A phone's reactions that come as text are known in any language; questions never are."""

from __future__ import annotations

import pytest

from core.nlu.tapbacks import reacts_to

SAID = ("We open at nine.", "Open **Settings** and press Reset. It takes a minute, then it works.")


@pytest.mark.parametrize(
    "text",
    [
        "Le gustó “We open at nine.”",
        "Eliminó el “Me gusta” de “We open at nine.”",
        "A aimé « We open at nine. »",
        "Gefällt „We open at nine.“",
        "Hat das Herz von „We open at nine.“ entfernt",
        "Gostou de “We open at nine.”",
        "「We open at nine.」を評価しました",
        "Ha riso a “Open Settings and press Reset. It takes…”",
        "❤️ “We open at nine.”",
        "Removed 👍 from “We open at nine.”",
        "\u200a👍\u200a to \u200a“ We open at nine. ”\u200a",
        "Ha rimosso “Mi piace” da “We open at nine.”",
        "Quitó un “Me gusta” de “We open at nine.”",
        "「We open at nine.」へのリアクションを削除しました",
        "“We open at nine.” için kalbi kaldırdı",
        'Nimmt "We open at nine." sehr gern',
    ],
)
def test_a_reaction_is_known_by_what_it_quotes(text: str) -> None:
    assert reacts_to(text, SAID)


@pytest.mark.parametrize(
    "text",
    [
        "What do you mean by “We open at nine.”",
        "Why “We open at nine.”?",
        "Does “We open at nine.” hold on Sundays?",
        "“nine”",
        "The page says “closed”",
        "Liked “Something nobody said here”",
        "“We open at nine.”",
        "You wrote “We open at nine.” and I stood there at nine and nobody came",
        "",
    ],
)
def test_what_asks_or_quotes_something_else_is_no_reaction(text: str) -> None:
    assert not reacts_to(text, SAID)


def test_a_long_text_takes_no_time() -> None:
    assert not reacts_to("“" * 2_000, SAID)
    assert not reacts_to("“a”" * 1_000_000, SAID)
