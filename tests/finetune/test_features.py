"""Features tell of the window and of what was known before, never of where a comment stood."""

import msgspec
import pytest

from finetune.feature_names import CHEAP, FEATURES, SPEAK
from finetune.features import is_test_path, label_window, window_features, with_speak
from finetune.recall import Recall, index_entries
from postil.errors import PayloadError
from tests.finetune.builders import day, make_pair, make_team, make_window

WINDOW = make_window(" def run():", "-    print(x)", "+    log.info(x)", "+    return x")
TEAM = make_team()
RECALL = Recall(index_entries(TEAM))


def test_every_feature_has_a_number_and_its_place() -> None:
    found = window_features(WINDOW, RECALL, day(99), speak=1.5)
    assert tuple(found) == FEATURES
    assert found[SPEAK] == 1.5
    assert found["removed_rows"] < found["added_rows"]


def test_where_a_comment_stood_or_what_it_said_changes_no_feature() -> None:
    pairs = [
        make_pair(WINDOW, "Say why.", row, id=f"r{row}", pull=7, decided_at=day(50), url=f"u{row}")
        for row in (1, 3, 4)
    ]
    pairs += [make_pair(WINDOW, id="s", pull=7, decided_at=day(50))]
    features = [label_window(pair, RECALL).features for pair in pairs]
    assert all(each == features[0] for each in features)


def test_a_remark_of_its_own_pull_request_is_not_known_to_a_training_window() -> None:
    own = next(pair for pair in TEAM if pair.kind == "remark" and pair.pull > 20)
    others = [pair for pair in TEAM if pair.pull != own.pull]
    assert label_window(own, RECALL) == label_window(own, Recall(index_entries(others)))


def test_similarity_and_history_grow_with_what_was_remarked_on() -> None:
    bad = make_window("+    try:", "+    except:", "+    total += 1", path="app/1.py")
    early, late = (window_features(bad, RECALL, day(time), speak=0.0) for time in (0, 99))
    assert early["best_similarity"] == early["path_history"] == early["row_similarity"] == 0
    assert late["best_similarity"] >= late["mean_similarity"] > 0.1
    assert late["folder_history"] > late["path_history"] > 0


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/a.py", True),
        ("src/test_a.py", True),
        ("pkg/a_test.go", True),
        ("web/a.spec.ts", True),
        ("src/Testing.java", False),
        ("contest/a.py", False),
        ("attest.c", False),
        ("", False),
    ],
)
def test_test_files_are_told_by_folder_or_name(path: str, expected: bool) -> None:
    assert is_test_path(path) is expected


def test_labels_carry_pull_request_kind_and_weight() -> None:
    pair = make_pair(WINDOW, pull=12)
    row = label_window(pair, RECALL, 2.5)
    assert (row.group, row.kind, row.weight, row.remarked) == ("o/r#12", "silence", 2.5, False)
    assert tuple(row.features) == CHEAP
    assert with_speak([row], {pair.id: -2.0})[0].features[SPEAK] == -2.0


def test_a_pair_without_a_window_has_no_features() -> None:
    with pytest.raises(PayloadError, match="no window"):
        label_window(msgspec.structs.replace(make_pair(WINDOW), window=None), RECALL)
