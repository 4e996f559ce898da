"""What a run says of itself where nobody watches a bar."""

import io

from finetune.training.loop import Step
from finetune.training.progress import _lines, shown_time


def step(number: int, steps: int, held_out: float | None = None) -> Step:
    return Step(
        step=number,
        steps=steps,
        loss=2.0,
        held_out=held_out,
        rate=1e-4,
        norm=1.0,
        tokens=300 * number,
        seconds=1.0 * number,
    )


def test_a_log_file_gets_a_line_at_every_twentieth_and_each_held_out_loss() -> None:
    out = io.StringIO()
    report = _lines(out)
    for number in range(1, 101):
        report(step(number, 100, 1.5 if number == 51 else None))
    lines = out.getvalue().splitlines()
    assert len(lines) == 21
    assert lines[0] == "training 5/100: loss 2.000, 300 tokens/s, 2 min left"
    assert any(line.startswith("training 51/100: loss 2.000, held out 1.500") for line in lines)
    assert lines[-1].endswith("0 min left")


def test_a_run_of_few_steps_says_each() -> None:
    out = io.StringIO()
    report = _lines(out)
    for number in (1, 2):
        report(step(number, 2))
    assert len(out.getvalue().splitlines()) == 2


def test_times_are_said_in_the_unit_that_fits() -> None:
    assert [shown_time(s) for s in (4.4, 600, 9000)] == ["4 s", "10 min", "2 h 30 min"]
