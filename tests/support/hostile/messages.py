"""Messages as somebody writes them who wants to hold the program up: any number of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import hypothesis
from hypothesis import strategies as st

from tests.support.hostile.patterns import attacks, every_pattern
from tests.support.hostile.patterns import text_of as attack_of
from tests.support.hostile.texts import UNITS

LONGEST = 20_000  #: characters that a message may have
LONG_EVERY = 50  #: one message in so many has this length
JOINS = ("", " ", "\n", ". ", ", ", "? ", "\u3000", "\u200b", "\r\n")


class Adversary:
    """Makes messages of the words and structure of the product's own patterns."""

    def __init__(self, *, seed: int) -> None:
        self._rng = random.Random(seed)
        found = {attack: None for known in every_pattern() for attack in attacks(known, seed=seed)}
        self.attacks = list(found)
        words = {part for attack in self.attacks for part in attack if 0 < len(part) <= 40}
        self.words = (*UNITS, *sorted(words))

    def messages(self, count: int) -> Iterator[str]:
        """So many, no two made alike: half by hypothesis, half by pumping."""
        made = iter(made_by_hypothesis(self.words, (count + 1) // 2))
        for number in range(count):
            if number % LONG_EVERY == LONG_EVERY - 1:
                yield self.pumped(LONGEST)
            elif number % 2:
                yield self.pumped(int(2 ** self._rng.uniform(2, 11)))
            else:
                yield next(made, None) or self.pumped(100)

    def pumped(self, length: int) -> str:
        """One of this length, about: an attack, a word again and again, or a heap of words."""
        rng = self._rng
        match rng.randrange(4):
            case 0:
                text = attack_of(rng.choice(self.attacks), length)
            case 1:
                unit = "".join(rng.choices(self.words, k=rng.randint(1, 3)))
                text = (unit + rng.choice(JOINS)) * (length // len(unit) + 1)
            case 2:
                join = rng.choice(JOINS)
                parts = rng.choices(self.words, k=length // 4 + 1)
                text = join.join(parts)
            case _:
                halves = [attack_of(rng.choice(self.attacks), length // 2) for _ in range(2)]
                text = rng.choice(JOINS).join(halves)
        return text[:length]


def made_by_hypothesis(words: Sequence[str], count: int) -> list[str]:
    """So many texts of these words, of anything else that Unicode has, and of repetitions."""
    made: list[str] = []
    word = st.one_of(st.sampled_from(words), st.text(max_size=30), st.characters())
    repeated = st.tuples(word, st.integers(2, 40)).map(lambda pair: pair[0] * pair[1])
    texts = st.tuples(st.lists(st.one_of(word, repeated), max_size=20), st.sampled_from(JOINS)).map(
        lambda pair: pair[1].join(pair[0])
    )

    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(texts)
    def keep(text: str) -> None:
        made.append(text[:LONGEST])

    keep()
    return made
