"""Pairs: silences thinned for training only, and every text from the one template."""

import msgspec

from mining.pairs import to_pairs
from postil.prompt import TEMPLATE, render_question
from postil.records import Example
from postil.settings import MiningSettings
from tests.mining.test_split import example

SETTINGS = MiningSettings(licence="MIT", shares=(0.5, 0.2, 0.1, 0.2))


def history() -> list[Example]:
    made = []
    for pull in range(1, 11):
        made.append(
            msgspec.structs.replace(
                example(f"r{pull}", pull), kind="remark", response="R1\nName it.", tier="A"
            )
        )
        made += [example(f"s{pull}.{i}", pull, f"quiet {pull} {i}") for i in range(4)]
        made.append(
            msgspec.structs.replace(example(f"m{pull}", pull, f"murky {pull}"), kind="ambiguous")
        )
    return made


def test_training_parts_are_thinned_and_later_parts_keep_every_window() -> None:
    pairs, dropped = to_pairs(history(), SETTINGS)
    kinds = {
        part: [p.kind for p in pairs if p.split == part]
        for part in ("train", "validation", "calibration", "test")
    }
    assert sorted(kinds["train"]) == ["remark"] * 5 + ["silence"] * 5
    assert sorted(kinds["validation"]) == ["remark"] * 2 + ["silence"] * 2
    assert sorted(kinds["calibration"]) == ["ambiguous", "remark", *["silence"] * 4]
    assert len(kinds["test"]) == 12
    assert dropped["ambiguous, not trained on"] == 7
    assert dropped["silences beyond those wanted for training"] == 21


def test_a_pair_is_the_template_and_knows_where_it_comes_from() -> None:
    pair = to_pairs(history(), SETTINGS)[0][0]
    assert pair.window is not None
    assert pair.instruction == render_question(pair.window)
    assert (pair.template, pair.licence, pair.repo, pair.url) == (TEMPLATE, "MIT", "o/r", "u")


def test_the_same_examples_give_the_same_pairs() -> None:
    assert to_pairs(history(), SETTINGS) == to_pairs(history(), SETTINGS)


def test_of_what_has_only_its_wording_remarks_alone_are_measured_and_in_words() -> None:
    gone = [msgspec.structs.replace(e, located=False) for e in history()]
    pairs, dropped = to_pairs(gone, SETTINGS)
    measured = [p for p in pairs if p.split in ("calibration", "test")]
    assert {p.kind for p in measured} == {"remark"}
    assert not any(p.located for p in measured)
    assert dropped["commit gone: no place to measure"] + len(measured) == 18
