"""Steps of a replay: whole pull requests, enough remarks, nothing learned from what is ahead."""

from datetime import datetime

from benchmarks.replay_steps import cut_steps
from postil.records import Example
from postil.settings import MiningSettings
from tests.finetune.builders import day, make_window


def example(pull: int, place: int, remark: bool) -> Example:
    window = make_window(" def run():", f"+    call_{pull}_{place}()", path=f"app/{pull}.py")
    words = f"Please name {pull} and {place} by what they are, for whoever reads it."
    return Example(
        id=f"{pull}-{place}",
        kind="remark" if remark else "silence",
        window=window,
        response=f"R2\n{words}" if remark else "NO_COMMENT",
        repo="o/r",
        pull=pull,
        title="",
        revision="a",
        decided_at=day(pull),
        url=f"https://example.org/{pull}#{place}",
    )


EXAMPLES = [example(pull, place, place < 2) for pull in range(1, 41) for place in range(5)]


def test_each_step_is_ahead_of_all_that_was_learned_and_large_enough() -> None:
    steps = list(cut_steps(EXAMPLES, MiningSettings(), least=9, most=6))
    assert [step.number for step in steps] == [1, 2, 3, 4, 5, 6]
    before: datetime | None = None
    for step in steps:
        tested = [pair for pair in step.pairs if pair.split == "test"]
        assert sum(pair.kind == "remark" for pair in tested) >= 9
        assert {pair.decided_at for pair in tested if pair.decided_at} == {
            e.decided_at for e in EXAMPLES if step.begins <= e.decided_at <= step.ends
        }
        learned = [pair.decided_at for pair in step.pairs if pair.split != "test"]
        assert max(date for date in learned if date) < step.begins
        assert before is None or before < step.begins
        before = step.ends
    assert before == day(40), "the last step ends with the history"


def test_a_short_history_has_fewer_steps_and_keeps_a_past() -> None:
    assert len(list(cut_steps(EXAMPLES, MiningSettings(), least=30, most=6))) == 1
    assert list(cut_steps(EXAMPLES, MiningSettings(), least=60, most=6)) == []
