from typing import Any

import pytest
import torch

from finetune.base_model import BaseModel
from finetune.engines.last_questions import LastQuestions
from finetune.engines.local import LocalEngine
from finetune.engines.prefix_tree import grow_tree, split_lines
from finetune.engines.repetition import cut_repetition
from finetune.engines.shared_prefix import common_prefix
from postil.answer import NO_COMMENT, anchors
from postil.prompt import render_question
from tests.finetune.builders import make_window

WINDOWS = [
    make_window("+x = 1", "-y = 2", " z = 3"),
    make_window(*[f"+value_{i} = {i}" for i in range(13)]),
    make_window("-gone()"),
]
QUESTIONS = [render_question(window) for window in WINDOWS]


@pytest.fixture(scope="module")
def engine(base: BaseModel) -> LocalEngine:
    made = LocalEngine(base, None, device="cpu")
    made.model.float()  # exact comparisons
    return made


def log_likelihood(engine: LocalEngine, question: str, answer: list[int]) -> float:
    """The naive way: one full forward pass of question and answer."""
    head = list(engine.chat.question(question, 1024))
    with torch.no_grad():
        logits = engine.model(torch.tensor([head + answer])).logits[0].log_softmax(-1)
    return sum(float(logits[len(head) - 1 + i, token]) for i, token in enumerate(answer))


def test_scores_are_the_log_odds_of_speaking(engine: LocalEngine) -> None:
    chat = engine.chat
    for question, score in zip(QUESTIONS, engine.score(QUESTIONS), strict=True):
        speak = [log_likelihood(engine, question, [token]) for token in chat.speaking]
        silent = log_likelihood(engine, question, [chat.silent])
        assert score == pytest.approx(float(torch.tensor(speak).logsumexp(0)) - silent, abs=1e-2)


def test_scores_do_not_depend_on_what_is_asked_beside(engine: LocalEngine) -> None:
    alone = [engine.score([question])[0] for question in QUESTIONS]
    assert engine.score(QUESTIONS) == pytest.approx(alone, abs=1e-3)


def test_what_all_questions_begin_with_is_shared(engine: LocalEngine) -> None:
    rows = [engine.chat.question(text, 1024) for text in QUESTIONS]
    shared = engine.chat.tokenizer.decode(list(common_prefix(rows)))
    assert "Answer NO_COMMENT, or a line and a remark." in shared
    assert common_prefix([(1, 2, 3)]) == common_prefix([(1,) * 9, (2,) * 9]) == ()
    assert common_prefix([(1,) * 9, (1,) * 9]) == (1,) * 8  # each keeps a token of its own


@pytest.mark.parametrize("at", range(len(WINDOWS)))
def test_anchor_scores_are_those_of_reading_each_anchor_alone(engine: LocalEngine, at: int) -> None:
    allowed = anchors(WINDOWS[at])
    scores = engine.anchor_scores(QUESTIONS[at], allowed)
    for anchor, score in zip(allowed, scores, strict=True):
        alone = log_likelihood(engine, QUESTIONS[at], list(engine.chat.encode(f"{anchor}\n")))
        assert score == pytest.approx(alone, abs=1e-2)


def everything_of(engine: LocalEngine, at: int) -> list[float]:
    """What an evaluation asks of one question."""
    question, answer = QUESTIONS[at], "R1\nName it."
    found = engine.anchor_scores(question, anchors(WINDOWS[at]))
    found += [nats for nats, _ in engine.loss([question], [answer])]
    found += [nats for nats, _ in engine.loss([question] * 2, [answer, "R1\nName the thing."])]
    return found + engine.anchor_scores(question, anchors(WINDOWS[at])[:1])


def test_a_question_is_read_once_for_all_that_is_asked_in_turn(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.anchor_scores(QUESTIONS[2], anchors(WINDOWS[2]))
    engine.anchor_scores("Anything?", anchors(WINDOWS[2]))  # QUESTIONS[1] is held no longer
    read: list[int] = []
    backbone = engine._backbone

    def counted(**asked: Any) -> Any:
        read.append(asked["input_ids"].numel())
        return backbone(**asked)

    monkeypatch.setattr(engine, "_backbone", counted)
    monkeypatch.setattr(engine._last, "_backbone", counted)
    together = everything_of(engine, 1)
    question = len(engine.chat.question(QUESTIONS[1], 1024))
    assert [tokens for tokens in read if tokens >= question] == [question]
    monkeypatch.setattr(engine._last, "read", lambda _: None)
    monkeypatch.setattr(engine._last, "holds", lambda _: False)
    read.clear()
    assert everything_of(engine, 1) == pytest.approx(together, abs=1e-3)
    assert len([tokens for tokens in read if tokens >= question]) == 3  # the lone answer apart


def test_two_questions_are_held_and_no_more(engine: LocalEngine) -> None:
    rows = [engine.chat.question(text, 1024) for text in QUESTIONS]
    for row in rows:
        assert engine._last.read(row) is not None
    assert [engine._last.holds(row) for row in rows] == [False, True, True]


def test_a_cache_that_lacks_tokens_is_not_gone_on_from(engine: LocalEngine) -> None:
    def forgetful(**asked: Any) -> Any:
        read.append(asked["input_ids"].numel())
        said = engine._backbone(**asked)
        said.past_key_values.layers[-1].keys = said.past_key_values.layers[-1].keys[:, :, 1:]
        return said

    read: list[int] = []
    forgets = LastQuestions(forgetful, "cpu")
    assert forgets.read([1, 2, 3]) is None
    assert forgets.read([1, 2, 3]) is None
    assert read == [3], "it is tried once"
    assert LastQuestions(lambda **_: object(), "cpu").read([1, 2, 3]) is None


def test_loss_is_the_likelihood_of_the_whole_answer(engine: LocalEngine) -> None:
    answers = ["R1\nName it.", NO_COMMENT, "L1\nKeep it."]
    for question, answer, (nats, tokens) in zip(
        QUESTIONS, answers, engine.loss(QUESTIONS, answers), strict=True
    ):
        ids = [*engine.chat.encode(answer), engine.chat.end]
        assert tokens == len(ids)
        assert nats == pytest.approx(-log_likelihood(engine, question, ids), abs=1e-2)


def test_answers_to_one_question_are_read_as_each_alone(engine: LocalEngine) -> None:
    said = ["Name it.", "Name the thing, please.", "Name it.", "x" * 700, NO_COMMENT]
    answers = [text if text == NO_COMMENT else f"R1\n{text}" for text in said]
    asked = [(q, a) for q in (QUESTIONS[1], QUESTIONS[0]) for a in answers] + [(QUESTIONS[2], "L1")]
    together = engine.loss([q for q, _ in asked], [a for _, a in asked])
    alone = [engine.loss([q], [a])[0] for q, a in asked]
    assert [tokens for _, tokens in together] == [tokens for _, tokens in alone]
    for (nats, _), (other, _) in zip(together, alone, strict=True):
        assert nats == pytest.approx(other, abs=1e-2)


def test_a_question_cut_for_a_long_answer_is_not_that_of_a_short_one(engine: LocalEngine) -> None:
    question = render_question(make_window(*[f"+value_{i} = {i}" for i in range(60)]))
    answers = ["R1\n" + "y" * 300, "R1\nshort", "R1\n" + "y" * 2000]
    together = engine.loss([question] * 3, answers)
    alone = [engine.loss([question], [answer])[0] for answer in answers]
    assert [pytest.approx(nats, abs=1e-2) for nats, _ in alone] == [nats for nats, _ in together]
    assert together[2] == (0.0, 0)


def test_writing_in_a_batch_is_writing_alone(engine: LocalEngine) -> None:
    places = [anchors(window)[0] for window in WINDOWS]
    together = engine.write(QUESTIONS, places, 12)
    alone = [
        engine.write([question], [place], 12)[0]
        for question, place in zip(QUESTIONS, places, strict=True)
    ]
    assert together == alone


def test_a_plain_question_is_answered_greedily_up_to_a_blank_line(engine: LocalEngine) -> None:
    prompts = ["Say this in other words: Name it.", "Hello"]
    answers = engine.complete(prompts, 12)
    for prompt, answer in zip(prompts, answers, strict=True):
        ids = torch.tensor([engine.chat.question(prompt, 1024)])
        alone = engine.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=12,
            do_sample=False,
            pad_token_id=engine.chat.end,
        )[0, ids.shape[1] :].tolist()
        ended = alone[: alone.index(engine.chat.end)] if engine.chat.end in alone else alone
        whole = cut_repetition(str(engine.chat.tokenizer.decode(ended)))
        assert answer == whole.partition("\n\n")[0]
    assert engine.complete([], 12) == []


def test_a_beginning_shared_by_anchors_is_read_once() -> None:
    tree = grow_tree([(1, 2, 9), (1, 2, 3, 9), (4, 9), (1, 5, 9)])
    assert tree.tokens == (1, 2, 3, 4, 5)
    assert tree.parents == (-1, 0, 1, -1, 0)
    assert tree.paths == ((-1, 0, 1), (-1, 0, 1, 2), (-1, 3), (-1, 0, 4))


def test_lines_are_read_in_groups_of_bounded_size() -> None:
    lines = [(1,) * length for length in (3, 4, 9, 2, 2, 2)]
    assert [[len(line) for line in group] for group in split_lines(lines, 7)] == [
        [3, 4],
        [9],
        [2, 2, 2],
    ]


def test_no_question_gets_no_score(engine: LocalEngine) -> None:
    assert engine.score([]) == []


def test_plain_texts_are_read_without_any_question(engine: LocalEngine) -> None:
    texts = ["def run(rows):\n    return rows\n", "Licensed work.", "x", ""]
    for text, (nats, tokens) in zip(texts, engine.plain_loss(texts), strict=True):
        ids = list(engine.chat.encode(text))
        assert tokens == max(0, len(ids) - 1)
        if not tokens:
            assert nats == 0
            continue
        with torch.no_grad():
            likely = engine.model(torch.tensor([ids])).logits[0].log_softmax(-1)
        alone = -sum(float(likely[at, token]) for at, token in enumerate(ids[1:]))
        assert nats == pytest.approx(alone, abs=1e-2)
