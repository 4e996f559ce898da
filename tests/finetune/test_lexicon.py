"""What the words of a change tell about whether it will be remarked on."""

from pathlib import Path

import msgspec
import pytest

from finetune.feature_names import WORDS
from finetune.features import label_window
from finetune.lexicon import (
    LEAST_WINDOWS,
    NEWCOMER,
    Lexicon,
    learn_lexicon,
    read_lexicon,
    told,
    write_lexicon,
)
from finetune.recall import INDEX_FILE, Recall, index_entries, write_index
from postil.errors import AdapterError
from postil.records import Pair
from tests.finetune.builders import make_pair, make_window

BAD = make_window(" def run(rows):", "+    print(rows)", "-    log(rows)")
GOOD = make_window(" def run(rows):", "+    log(rows)", path="app/b.py")


def team(count: int = LEAST_WINDOWS, split: str = "train") -> list[Pair]:
    """Half are prints that were remarked on, half are calls of `log` that were not."""
    return [
        made
        for pull in range(count)
        for made in (
            make_pair(BAD, "Use the logger.", 2, pull=pull, split=split),
            make_pair(GOOD, pull=pull, split=split),
        )
    ]


def learned() -> Lexicon:
    found = learn_lexicon(team())
    assert found is not None
    return found


def test_the_words_of_changed_rows_and_of_the_path_count_with_their_marks() -> None:
    words = {word for word in told(BAD, None) if " " not in word}
    assert words == {
        *("+print", "+print(", "+rows", "-log", "-log(", "-rows"),
        *("/app", "/jobs", "/py"),
    }
    assert told(BAD, False) == told(BAD, None)
    assert told(BAD, True) - told(BAD, None) == {NEWCOMER}


def test_an_author_s_first_change_is_weighed_where_first_changes_drew_remarks() -> None:
    firsts = [msgspec.structs.replace(p, newcomer=p.kind == "remark") for p in team()]
    lexicon = learn_lexicon(firsts)
    assert lexicon is not None
    more = lexicon.log_odds(GOOD, newcomer=True) - lexicon.log_odds(GOOD)
    assert more == pytest.approx(lexicon.words[NEWCOMER])
    assert more > 2 * lexicon.words["+print"]
    assert NEWCOMER in dict(lexicon.telling(GOOD, 40, newcomer=True))
    assert NEWCOMER not in learned().words


def test_what_drew_remarks_is_likelier_to_draw_them_again() -> None:
    lexicon = learned()
    assert lexicon.log_odds(BAD) > 0.1 > -0.1 > lexicon.log_odds(GOOD)
    strongest = dict(lexicon.telling(BAD, 4))
    assert strongest["+print"] > 0 and strongest["-log"] > 0
    known = make_window("+    walrus()")
    assert lexicon.log_odds(known) == pytest.approx(lexicon.intercept, abs=1.0)


def test_a_word_of_one_pull_request_is_no_word_of_the_team() -> None:
    rare = make_window("+    secret_project()", "+    print(rows)")
    lexicon = learn_lexicon([*team(), *([make_pair(rare, "No.", 1, pull=99)] * 3)])
    assert lexicon is not None
    assert not any("secret" in word for word in lexicon.words)


def test_only_what_no_gate_is_fitted_on_teaches_and_only_both_kinds_together() -> None:
    assert learn_lexicon(team(split="calibration")) is None
    assert learn_lexicon(team(split="test")) is None
    assert learn_lexicon(team(split="validation")) == learned()
    assert learn_lexicon(team(LEAST_WINDOWS - 1)) is None
    assert learn_lexicon([pair for pair in team() if pair.kind == "remark"]) is None
    unclear = [msgspec.structs.replace(pair, kind="ambiguous") for pair in team()]
    assert learn_lexicon(unclear) is None
    apart = [
        make_pair(
            make_window(" unchanged", path="y" * (pull + 1)),
            *("Why?" if pull % 2 else "", 1),
            pull=pull,
        )
        for pull in range(4 * LEAST_WINDOWS)
    ]
    assert learn_lexicon(apart) is None, "no word stands in two pull requests"


def test_the_same_pairs_give_the_same_bytes_and_the_gate_is_told(tmp_path: Path) -> None:
    pairs = team()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_index(tmp_path / name / INDEX_FILE, index_entries(pairs))
        write_lexicon(tmp_path / name / "lexicon.json", learned())
    first, second = ((tmp_path / name / "lexicon.json").read_bytes() for name in ("one", "two"))
    assert first == second
    recall = Recall.read(tmp_path / "one" / INDEX_FILE)
    assert recall.lexicon == learned()
    assert label_window(pairs[0], recall).features[WORDS] == learned().log_odds(BAD)
    assert label_window(pairs[0], Recall(())).features[WORDS] == 0.0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "not a lexicon"),
        (b'{"words": {"+a": "much"}, "intercept": 0}', "not a lexicon"),
        (b'{"words": {}, "intercept": 0, "version": 3}', "version 3, this Postil reads up to 2"),
        (b'{"words": {"+a": 1e999}, "intercept": 0}', "lexicon"),
        (None, "cannot be read"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "lexicon.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AdapterError, match=told):
        read_lexicon(path)
