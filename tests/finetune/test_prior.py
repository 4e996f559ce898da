"""What earlier windows tell of how much each feature counts."""

from pathlib import Path

import msgspec
import pytest

from finetune.feature_names import PRIOR, SPEAK, TOLD, WORDS
from finetune.features import cheap_features
from finetune.gate import PRIOR_FILE, write_gate
from finetune.memory import learn_memory, write_memory
from finetune.prior import learn_prior
from finetune.recall import INDEX_FILE, Recall, index_entries
from postil.errors import AdapterError
from postil.records import Pair
from tests.finetune.builders import make_pair, make_window

LONG = make_window(" def run(rows):", *(f"+    step_{n}(rows)" for n in range(12)))
SHORT = make_window(" def run(rows):", "+    stop(rows)")


def team(count: int = 40, *, split: str = "train") -> list[Pair]:
    """Long changes are remarked on, short ones are not; two of each kind a pull request."""
    found = []
    for pull in range(count):
        found += [make_pair(LONG, "Split it.", 2, pull=pull, split=split)] * 2
        found += [make_pair(SHORT, pull=pull, split=split)] * 2
    return [msgspec.structs.replace(pair, id=str(at)) for at, pair in enumerate(found)]


def memory(pairs: list[Pair]) -> Recall:
    return learn_memory(pairs, index_entries(pairs), seed=7)


def test_features_that_told_remarks_apart_before_count() -> None:
    recall = memory(team())
    assert recall.prior is not None
    assert recall.prior.features == TOLD
    assert recall.prior.threshold is None
    long, short = (cheap_features(window, recall, None) for window in (LONG, SHORT))
    assert long[PRIOR] == recall.prior.log_odds(long)
    assert long[PRIOR] > 1 > -1 > short[PRIOR]
    assert recall.prior.contributions(long)["added_rows"] > 0


def test_what_has_too_few_remarks_has_no_prior_and_nothing_is_told_by_it() -> None:
    recall = memory(team(5))
    assert recall.prior is None
    assert cheap_features(LONG, recall, None)[PRIOR] == 0.0


def test_the_calibration_and_test_parts_teach_nothing() -> None:
    pairs = team()
    alone = learn_prior(pairs, memory(pairs))
    later = [*team(split="calibration"), *team(split="test")]
    assert learn_prior([*pairs, *later], memory(pairs)) == alone
    assert memory(later).prior is None


def test_words_that_tell_the_contrary_of_other_pull_requests_are_left_out() -> None:
    """Each word stands in four pull requests, two with a remark: the others of each speak against
    it, and all four together would tell nothing."""
    pairs = [
        make_pair(
            make_window(" def run(rows):", f"+    name_{pull // 4}(rows)"),
            "No." if pull % 2 else "",
            2,
            pull=pull,
            split="train",
        )
        for pull in range(100)
    ]
    prior = learn_prior(pairs, Recall((), memory(pairs).lexicon))
    assert prior is not None
    assert WORDS not in prior.features
    telling = memory(team()).prior
    assert telling is not None and WORDS in telling.features


def test_undated_pairs_teach_no_prior() -> None:
    """Nobody knows what was remembered before them: they would be told of their own remarks."""
    undated = [msgspec.structs.replace(pair, decided_at=None) for pair in team()]
    recall = memory(undated)
    assert recall.lexicon is not None
    assert recall.prior is None
    assert memory([*team(), *undated]).prior is not None


def test_where_the_words_of_others_cannot_be_learned_there_is_no_prior() -> None:
    few = team(16)
    assert memory(few).lexicon is not None, "32 remarks of all pull requests"
    assert memory(few).prior is None, "of four fifths of them too few"


def test_it_is_written_beside_the_index_and_read_with_it(tmp_path: Path) -> None:
    recall = memory(team())
    write_memory(tmp_path, recall)
    read = Recall.read(tmp_path / INDEX_FILE)
    assert (read.prior, read.lexicon, read.entries) == (
        recall.prior,
        recall.lexicon,
        recall.entries,
    )
    (tmp_path / PRIOR_FILE).write_bytes(b"{")
    with pytest.raises(AdapterError, match="not a gate"):
        Recall.read(tmp_path / INDEX_FILE)
    assert recall.prior is not None
    asks_the_model = msgspec.structs.replace(
        recall.prior, features=(SPEAK, *recall.prior.features[1:])
    )
    write_gate(tmp_path / PRIOR_FILE, asks_the_model)
    with pytest.raises(AdapterError, match="unknown features: speak"):
        Recall.read(tmp_path / INDEX_FILE)
    few = tmp_path / "few"
    few.mkdir()
    write_memory(few, memory(team(5)))
    assert {path.name for path in few.iterdir()} == {INDEX_FILE}
