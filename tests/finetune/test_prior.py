"""What earlier windows tell of how much each feature counts."""

from pathlib import Path

import msgspec
import pytest

from finetune.feature_names import PRIOR, TOLD, WORDS
from finetune.features import cheap_features, label_window
from finetune.gate import PRIOR_FILE
from finetune.lexicon import learned_from
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


def test_words_are_told_by_other_pull_requests_alone() -> None:
    """A word of two pull requests tells all there is of them, and nothing of any other."""
    names = {pull: f"+    name_{pull // 2}(rows)" for pull in range(60)}
    pairs = []
    for pull, name in names.items():
        kind = pull // 2 % 2
        window = make_window(" def run(rows):", name)
        pairs.append(make_pair(window, "No." if kind else "", 2, pull=pull, split="train"))
    recall = Recall((), memory(pairs).lexicon)
    assert recall.lexicon is not None
    seen = [label_window(pair, recall).features[WORDS] for pair in learned_from(pairs)]
    labels = [pair.kind == "remark" for pair in pairs]
    assert max(w for w, said in zip(seen, labels, strict=True) if not said) < min(
        w for w, said in zip(seen, labels, strict=True) if said
    )
    prior = learn_prior(pairs, recall)
    assert prior is not None
    weight = prior.coefficients[prior.features.index(WORDS)]
    assert weight < 1.0, "what separates its own windows is not trusted as it looks"


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
    few = tmp_path / "few"
    few.mkdir()
    write_memory(few, memory(team(5)))
    assert {path.name for path in few.iterdir()} == {INDEX_FILE}
