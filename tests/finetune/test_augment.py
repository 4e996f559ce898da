"""The sentence that joins the ways: what gets copies, what stays, and what is said of it."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given

from finetune.augment import augment
from finetune.augment.copies import UNBALANCED, Batch, balance, is_copy
from postil.answer import parse_answer, render_answer
from postil.prompt import INSTRUCTION, PHRASINGS
from postil.records import Pair
from postil.settings import AugmentSettings
from tests.finetune.builders import make_pair, make_team, make_window
from tests.finetune.strategies import make_code_pairs
from tests.finetune.test_rewording import LOGGER, OTHER, WINDOW, Table

EVERYTHING = AugmentSettings(phrasings=5, jitter=2, renaming=2, paraphrase=1, back_translation=1)


@pytest.fixture(scope="module")
def team() -> list[Pair]:
    return make_team(pulls=20)


def test_nothing_is_added_unless_asked_for(team: list[Pair]) -> None:
    found = augment(team, AugmentSettings(), 7)
    assert found.pairs == team
    assert found.tally.lines() == []


def test_copies_stand_behind_their_originals_and_in_training_only(team: list[Pair]) -> None:
    found = augment(team, AugmentSettings(jitter=2), 7)
    assert [pair for pair in found.pairs if not is_copy(pair)] == team
    assert found.tally.copies == len(found.pairs) - len(team) > 0
    original = team[0]
    for pair in found.pairs:
        if not is_copy(pair):
            original = pair
        else:
            assert pair.id.startswith(original.id) and pair.split == "train"
            kept = ("example", "pull", "decided_at", "author", "origin", "kind", "repo", "split")
            for name in kept:
                assert getattr(pair, name) == getattr(original, name)


def test_ambiguous_pairs_get_no_copies() -> None:
    pair = make_pair(make_window(" a", " b", " c", " d", "+e"), kind="ambiguous")
    assert augment([pair], AugmentSettings(jitter=1), 7).pairs == [pair]


def test_phrasings_change_the_first_line_of_training_questions_only(team: list[Pair]) -> None:
    found = augment(team, AugmentSettings(phrasings=4), 7).pairs
    assert len(found) == len(team)
    first = Counter(pair.instruction.split("\n")[0] for pair in found if pair.split == "train")
    assert set(first) == set(PHRASINGS[:4])
    assert min(first.values()) > first.total() / 10
    for before, after in zip(team, found, strict=True):
        assert after.instruction.split("\n")[1:] == before.instruction.split("\n")[1:]
        if after.split != "train":
            assert after.instruction.startswith(INSTRUCTION)


def test_pairs_of_other_domains_are_reworded_at_most() -> None:
    pair = Pair(id="f", instruction="Say it.", response=LOGGER)
    found = augment([pair], EVERYTHING, 7, Table({LOGGER: OTHER}))
    assert [one.response for one in found.pairs] == [LOGGER, OTHER]
    assert {one.instruction for one in found.pairs} == {"Say it."}


def test_without_an_engine_nothing_is_reworded() -> None:
    found = augment([make_pair(WINDOW, LOGGER)], EVERYTHING, 7)
    assert set(found.tally.kept) == {"jitter", "renaming"}


def test_the_tally_says_what_was_made_and_why_not() -> None:
    pairs = [make_pair(WINDOW, LOGGER), make_pair(WINDOW, "Why?\n\nHow?")]
    found = augment(pairs, AugmentSettings(paraphrase=1), 7, Table({LOGGER: OTHER}))
    assert found.tally.lines() == ["paraphrase: 1 copies; 1 not made: several paragraphs or code"]


def test_remarks_and_silences_get_equally_many_copies() -> None:
    pairs = [make_pair(make_window(f"+x = {n}"), "Why?" if n < 4 else "") for n in range(12)]
    copies = [[msgspec.structs.replace(p, id=f"{p.id}~jitter-1")] for p in pairs]
    copies[0] = copies[1] = []
    found = balance(Batch(made=copies), pairs, "jitter", 7)
    kept = Counter(pair.kind for made in found.made for pair in made)
    assert kept == {"remark": 2, "silence": 4}
    assert found.refused == {UNBALANCED: 4}


@given(make_code_pairs())
def test_every_copy_is_an_answer_of_ours(pairs: list[Pair]) -> None:
    found = augment(pairs, EVERYTHING, 7, Table({"": OTHER}))
    for pair in found.pairs:
        remark = parse_answer(pair.response)
        assert render_answer(remark) == pair.response
        assert (remark is None) == (pair.kind == "silence")
    assert len({pair.id for pair in found.pairs}) == len(found.pairs)


@given(make_code_pairs())
def test_the_same_seed_gives_the_same_pairs(pairs: list[Pair]) -> None:
    assert augment(pairs, EVERYTHING, 7) == augment(pairs, EVERYTHING, 7)
