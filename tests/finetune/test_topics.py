"""What is said again and again is found by its words, and fires on code it was said of."""

from pathlib import Path

import msgspec
import pytest

from finetune.recall import Recall, index_entries
from finetune.topics import Topic, find_topics, fire, fit_topics, read_topics, write_topics
from postil.errors import AdapterError
from postil.records import Pair
from tests.finetune.builders import BAD, RULES, day, make_pair, make_team, make_window

TEAM = make_team(120)
RECALL = Recall(index_entries(TEAM))
CALIBRATION = [pair for pair in TEAM if pair.split == "calibration"]


def fitted(wanted: float = 0.5) -> list[Topic]:
    return fit_topics(find_topics(RECALL.entries), RECALL, CALIBRATION, wanted)


def test_the_two_habits_of_the_team_are_its_topics() -> None:
    found = find_topics(RECALL.entries)
    assert {topic.message.split(" (")[0] for topic in found} == set(RULES.values())
    sizes = [len(topic.entries) for topic in found]
    assert sizes == sorted(sizes, reverse=True)
    for topic in found:
        said = [RECALL.entries[number].message.split(" (")[0] for number in topic.entries]
        assert max(map(said.count, said)) > 0.9 * len(said)
        assert topic.pulls == len({RECALL.entries[number].pull for number in topic.entries})


def test_a_topic_fires_on_its_code_and_on_no_other() -> None:
    topics = fitted()
    assert all(topic.threshold is not None for topic in topics)
    for bad in BAD:
        window = make_window(" def go(rows):", f"+    {bad}", "+    return rows")
        fired = fire(topics, RECALL, window, None)
        assert fired and fired.row == 2
        assert bad in fired.entry.text
    clean = make_window(" def go(rows):", "+    total += 1", "+    return total")
    assert fire(topics, RECALL, clean, None) is None


def test_it_knows_only_what_was_decided_before() -> None:
    window = make_window(f"+    {BAD[0]}")
    assert fire(fitted(), RECALL, window, day(0)) is None


def test_what_is_wrong_as_often_as_right_never_fires() -> None:
    silent = [
        make_pair(pair.window, split="calibration", id=f"quiet-{number}")
        for number, pair in enumerate(p for p in TEAM if p.kind == "remark" and p.window)
        if pair.window
    ]
    topics = fit_topics(find_topics(RECALL.entries), RECALL, [*CALIBRATION, *silent], 0.5)
    assert all(topic.threshold is topic.precision is None for topic in topics)


def test_a_threshold_keeps_the_wanted_precision_on_the_calibration_part() -> None:
    for topic in fitted(0.8):
        assert topic.precision is not None
        assert topic.precision >= 0.8
        assert topic.found_again >= 3


@pytest.mark.parametrize("few", [[], [p for p in TEAM if p.kind == "remark"][:4]])
def test_few_remarks_have_no_topics(few: list[Pair]) -> None:
    assert find_topics(index_entries(few)) == []


def test_remarks_without_a_word_in_common_have_none() -> None:
    window = make_window("+x = 1")
    odd = [
        make_pair(window, f"word{'abcdefgh'[n]}", split="train", pull=n, id=str(n))
        for n in range(8)
    ]
    assert find_topics(index_entries(odd)) == []


def test_topics_are_read_back_and_refused_where_they_do_not_fit(tmp_path: Path) -> None:
    path, topics = tmp_path / "topics.json", fitted()
    write_topics(path, topics)
    assert read_topics(path, RECALL) == topics
    with pytest.raises(AdapterError, match="the index does not hold"):
        read_topics(path, Recall(RECALL.entries[:2]))
    path.write_text("{}")
    with pytest.raises(AdapterError, match="not topics"):
        read_topics(path, RECALL)
    with pytest.raises(AdapterError, match="cannot be read"):
        read_topics(tmp_path / "none.json", RECALL)


def test_the_window_of_an_entry_asks_the_same_question() -> None:
    (entry,) = index_entries([TEAM_REMARK])
    window = TEAM_REMARK.window
    assert window
    plain = [msgspec.structs.replace(line, old=None, new=None) for line in window.lines]
    assert entry.window() == msgspec.structs.replace(window, lines=tuple(plain))


TEAM_REMARK = next(p for p in TEAM if p.kind == "remark" and p.split == "train")
