"""How well a question is recognised, against what other trades are asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.seed_elsewhere import sentences
from core.rag.confidence.model import Confidence
from core.rag.reranking.discriminant import fit_head, groups_of
from core.rag.reranking.novelty import (
    BLOCK,
    MOST,
    NoveltyModel,
    _evenly,
    elsewhere_for,
    fit_recogniser,
    solved,
)
from core.rag.vectors.embeddings import BundledEncoder
from core.rag.vectors.encoder import Matrix
from core.rag.vectors.index import KnownQuestions

SIZE = 16
RNG = np.random.default_rng(7)


def unit(rows: NDArray[np.floating]) -> Matrix:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


HOME = unit(RNG.normal(size=(6, SIZE)))  #: where each of six answers is asked for
ABROAD = unit(RNG.normal(size=(30, SIZE)))


def known(*, each: int = 9) -> KnownQuestions:
    vectors = np.repeat(HOME, each, axis=0) + 0.08 * RNG.normal(size=(6 * each, SIZE))
    names = [f"a{i}" for i in range(6) for _ in range(each)]
    return KnownQuestions(
        answers=names, topics=names, bare=[False] * len(names), vectors=unit(vectors)
    )


def fitted(questions: KnownQuestions, elsewhere: Matrix) -> NoveltyModel:
    groups = groups_of(questions)
    recogniser = fit_recogniser(questions, groups, fit_head(questions, groups), elsewhere)
    assert recogniser is not None
    return recogniser


def test_a_known_question_is_recognised_and_one_of_another_trade_is_not() -> None:
    recogniser = fitted(known(), ABROAD)
    own = recogniser.judge(HOME[2]).signals("a2")
    assert own["recognised"] > 0.8
    assert own["recognised_margin"] > 0.6
    assert own["elsewhere"] < 0.2
    foreign = recogniser.judge(unit(ABROAD[:1] + 0.02)[0])
    assert all(foreign.signals(f"a{i}")["recognised"] < 0.5 for i in range(6))
    assert foreign.signals("a0")["elsewhere"] > 0.6


def test_the_margin_of_the_wrong_answer_is_negative() -> None:
    judged = fitted(known(), ABROAD).judge(HOME[1])
    assert judged.signals("a4")["recognised_margin"] < 0 < judged.signals("a1")["recognised_margin"]


def test_a_knowledge_base_about_what_others_ask_is_not_foreign_to_itself() -> None:
    # All of the everyday requests are this knowledge base's own trade.
    at_home = fitted(known(), HOME)
    assert "elsewhere" not in at_home.judge(HOME[0]).signals("a0")
    assert at_home.judge(HOME[0]).signals("a0")["recognised"] > 0.8


def test_without_requests_of_other_trades_nothing_is_said_of_them() -> None:
    nothing = elsewhere_for("another model", SIZE)
    assert nothing.shape == (0, SIZE)
    assert set(fitted(known(), nothing).judge(HOME[0]).signals("a0")) == {
        "recognised",
        "recognised_margin",
    }


def test_an_answer_it_was_not_fitted_to_and_too_few_questions_say_nothing() -> None:
    assert fitted(known(), ABROAD).judge(HOME[0]).signals("learned since") == {}
    few = known(each=2)
    assert fit_recogniser(few, groups_of(few), fit_head(few, groups_of(few)), ABROAD) is None


def test_what_is_not_said_counts_as_usual() -> None:
    # Decisions that were stored before these signals were known, and other embedding models.
    model = Confidence.load().models["learned"]
    usual = dict(zip(model.names, model.means.tolist(), strict=True))
    for name in ("recognised", "recognised_margin", "elsewhere"):
        without = {key: value for key, value in usual.items() if key != name}
        assert model.score(without) == model.score(usual)
        assert model.score(usual | {name: usual[name] + 0.1}) != model.score(usual)


def test_of_too_many_questions_every_answer_keeps_some() -> None:
    rows = np.array([0] * 5_000 + [1] * 3 + [2] * 40)
    picked = _evenly(rows, MOST)
    assert len(picked) == len(set(picked.tolist())) == MOST
    assert np.bincount(rows[picked]).tolist() == [MOST - 43, 3, 40]
    assert _evenly(rows[-43:], MOST).tolist() == list(range(43))


def test_more_questions_than_are_fitted_are_still_recognised() -> None:
    many = known(each=600)
    recogniser = fitted(many, ABROAD)
    assert len(recogniser.points) <= MOST + len(ABROAD)
    assert recogniser.judge(HOME[5]).signals("a5")["recognised"] > 0.8


def test_the_shipped_vectors_are_those_of_the_shipped_sentences() -> None:
    encoder = BundledEncoder()
    shipped = elsewhere_for(encoder.name, encoder.size)
    written = sentences()
    assert len(shipped) == len(written)
    for row in (0, len(written) // 2, len(written) - 1):
        assert float(shipped[row] @ encoder.questions([written[row]])[0]) > 0.999


def test_a_missing_file_means_that_nothing_is_compared_with(tmp_path: Path) -> None:
    assert elsewhere_for(BundledEncoder.name, SIZE, tmp_path / "none.npz").shape == (0, SIZE)


def test_the_solution_in_place_is_the_solution() -> None:
    for size in (1, BLOCK, 2 * BLOCK + 7):
        rows = unit(RNG.normal(size=(size, SIZE)))
        matrix = np.asarray(np.exp(rows @ rows.T) + 0.1 * np.eye(size), dtype=np.float32)
        wanted = np.asarray(RNG.normal(size=(size, 3)), dtype=np.float32)
        exact = np.linalg.solve(matrix.astype(np.float64), wanted.astype(np.float64))
        assert np.allclose(matrix @ solved(matrix.copy(), wanted.copy()), matrix @ exact, atol=1e-3)
