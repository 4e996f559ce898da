"""A scorecard in plain words, for people. Out comes something rich can print."""

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from finetune.evaluation.metrics import Interval
from finetune.evaluation.scorecard import EngineScore, SampleView, Scorecard, SystemScore
from finetune.evaluation.trial import ADAPTER

ENGINE_ROWS = (
    ("held-out loss, nats a token (remarks)", "loss", 3),
    ("perplexity a token (remarks)", "perplexity", 2),
    ("held-out loss, nats a token (silences)", "loss_silences", 3),
    ("right by sign of its log-odds", "no_comment_accuracy", 2),
    ("  silent where reviewers were", "silent_on_silences", 2),
    ("  speaks where reviewers did", "speaks_on_remarks", 2),
    ("right at the gate's threshold", "gate_accuracy", 2),
    ("likeliest line is the reviewer's", "right_line", 2),
    ("tells the true remark from three others", "four_way", 2),
)
SHOWN_MESSAGE = 400


def render_evaluation(scorecard: Scorecard, *, samples: int = 5) -> RenderableType:
    """Tables and sentences; the first `samples` samples."""
    counts = scorecard.counts
    head = Text(
        f"{scorecard.adapter} on {scorecard.base}, measured on {counts.pulls} later pull requests:"
        f" {counts.windows} windows, {counts.remarks} with an accepted remark,"
        f" {counts.silences} passed over, {counts.ambiguous} unclear."
    )
    if counts.scored < counts.windows:
        head.append(f" {counts.scored} of them were scored; weights stand for the rest.")
    views = [_sample(number, view) for number, view in enumerate(scorecard.samples[:samples], 1)]
    return Group(
        head,
        Text("Figures in brackets are 95 % intervals, by pull request.", style="dim"),
        _systems(scorecard),
        *(Text(line) for line in _verdicts(scorecard)),
        _engines(scorecard),
        _texts(scorecard),
        *views,
    )


def render_interval(interval: Interval, digits: int = 2) -> str:
    """`0.71 [0.62, 0.79]`, or a dash where it could not be measured."""
    if interval.value is None or interval.low is None or interval.high is None:
        return "-"
    low, high = f"{interval.low:.{digits}f}", f"{interval.high:.{digits}f}"
    return f"{interval.value:.{digits}f} [{low}, {high}]"


def _systems(scorecard: Scorecard) -> Table:
    table = Table(title="Where to speak", title_justify="left")
    table.add_column("decided by")
    for name in ("ROC-AUC", "average precision", "precision", "recall", "F1", "comments a PR"):
        table.add_column(name, justify="right")
    for score in scorecard.systems:
        table.add_row(*_system_row(score), style="bold" if score.name == ADAPTER else "")
    return table


def _system_row(score: SystemScore) -> tuple[str, ...]:
    said = "-" if score.comments_per_pull is None else f"{score.comments_per_pull:.2f}"
    figures = (score.auc, score.average_precision, score.precision, score.recall, score.f1)
    return (score.name, *(render_interval(figure) for figure in figures), said)


def _verdicts(scorecard: Scorecard) -> list[str]:
    """What may be claimed, and what may not."""
    lines = [f"The adapter's gate: {scorecard.system(ADAPTER).note}"]
    for gain in scorecard.gains:
        found = _verdict(gain.auc)
        lines.append(
            f"ROC-AUC of the adapter less {gain.over}: {render_interval(gain.auc)}, {found}."
        )
    loss, choice = scorecard.loss_gain, scorecard.four_way_gain
    saved = f"{render_interval(loss, 3)} nats a token, {_verdict(loss)}"
    lines.append(f"Held-out loss of the base less the adapter's: {saved}.")
    told = f"{render_interval(choice)} over {scorecard.four_way_count} remarks, {_verdict(choice)}"
    lines.append(f"Four-way choice of the adapter less the base's: {told} (chance is 0.25 each).")
    return lines


def _verdict(gain: Interval) -> str:
    if gain.low is None or gain.high is None:
        return "not measurable"
    if gain.low > 0:
        return "better"
    return "worse" if gain.high < 0 else "no difference shown"


def _engines(scorecard: Scorecard) -> Table:
    table = Table(title="Base and adapter", title_justify="left")
    table.add_column("")
    for engine in scorecard.engines:
        table.add_column(engine.name, justify="right")
    for label, field, digits in ENGINE_ROWS:
        figures = [_figure(engine, field, digits) for engine in scorecard.engines]
        table.add_row(label, *figures)
    if scorecard.line_chance is not None:
        table.add_row("  (a random changed line)", f"{scorecard.line_chance:.2f}")
    return table


def _figure(engine: EngineScore, field: str, digits: int) -> str:
    figure = getattr(engine, field)
    assert isinstance(figure, Interval)  # noqa: S101 - the table above names such fields only
    return render_interval(figure, digits)


def _texts(scorecard: Scorecard) -> Table:
    table = Table(title="Likeness to the reviewers' words (chrF, 0 to 100)", title_justify="left")
    table.add_column("remarks of")
    table.add_column(f"on {len(scorecard.samples)} samples", justify="right")
    for score in scorecard.text:
        table.add_row(score.name, render_interval(score.chrf, 1))
    return table


def _sample(number: int, view: SampleView) -> Table:
    chance = "" if view.probability is None else f", probability {view.probability:.2f}"
    decided = "would speak" if view.spoken else "would stay silent"
    table = Table(
        title=escape(f"Sample {number}: {view.path} (the gate {decided}{chance}) {view.url}"),
        title_justify="left",
        show_header=False,
    )
    for said in (view.human, *view.said):
        message = said.message
        if len(message) > SHOWN_MESSAGE:
            message = message[:SHOWN_MESSAGE] + "…"
        table.add_row(said.name, said.anchor, escape(message))
    return table
