"""What a run says of itself where nobody watches a bar."""

import io

from finetune.progress import _lines


def test_a_log_file_gets_a_line_at_every_twentieth_and_each_held_out_loss() -> None:
    out = io.StringIO()
    seconds = iter(range(1000))
    report = _lines(out, lambda: float(next(seconds)))
    for step in range(1, 101):
        report(step, 100, 2.0, 1.5 if step == 51 else None)
    lines = out.getvalue().splitlines()
    assert len(lines) == 21
    assert lines[0].startswith("training 5/100: loss 2.000, ")
    assert any(line.startswith("training 51/100: loss 2.000, held out 1.500") for line in lines)
    assert lines[-1].endswith("0 min left")


def test_a_run_of_few_steps_says_each() -> None:
    out = io.StringIO()
    report = _lines(out, lambda: 0.0)
    for step in (1, 2):
        report(step, 2, 0.5, None)
    assert len(out.getvalue().splitlines()) == 2
