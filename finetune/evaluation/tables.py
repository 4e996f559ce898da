"""A scorecard in plain words, for people. Out comes something rich can print."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from finetune.evaluation.choices import ROWS
from finetune.evaluation.metrics import UNKNOWN, Interval
from finetune.evaluation.scorecard import (
    CanaryScore,
    EngineScore,
    SampleView,
    Scorecard,
    SystemScore,
)
from finetune.evaluation.slices import LEAST_REMARKS
from finetune.evaluation.trial import ADAPTER

ENGINE_ROWS = (
    ("held-out loss, nats a token (remarks)", "loss", 3),
    ("perplexity a token (remarks)", "perplexity", 2),
    ("perplexity a byte (remarks)", "byte_perplexity", 3),
    ("held-out loss, nats a token (silences)", "loss_silences", 3),
    ("right by sign of its log-odds", "no_comment_accuracy", 2),
    ("  silent where reviewers were", "silent_on_silences", 2),
    ("  speaks where reviewers did", "speaks_on_remarks", 2),
    ("right at the gate's threshold", "gate_accuracy", 2),
    ("likeliest line is the reviewer's", "right_line", 2),
    ("tells the true remark from three others", "four_way", 2),
)
SHOWN_MESSAGE, SHOWN_LINES = 400, 10
"""Characters and lines of a message that are printed."""


def render_evaluation(scorecard: Scorecard, *, samples: int = 5) -> RenderableType:
    """Tables and sentences; the first `samples` samples."""
    counts = scorecard.counts
    head = Text(
        f"{scorecard.adapter} on {scorecard.base or 'its memory alone'}, measured on"
        f" {counts.pulls} later pull requests:"
        f" {counts.windows} windows, {counts.remarks} with an accepted remark,"
        f" {counts.silences} passed over, {counts.ambiguous} unclear."
    )
    if counts.scored < counts.windows:
        head.append(f" {counts.scored} of them were scored; weights stand for the rest.")
    if not counts.remarks:
        head.append(" There is no remark among them, so nothing can be told apart.")
    if not counts.silences:
        head.append(" There is no silence among them, so nothing can be told apart.")
    views = [_sample(number, view) for number, view in enumerate(scorecard.samples[:samples], 1)]
    return Group(
        head,
        Text("Figures in brackets are 95 % intervals, by pull request.", style="dim"),
        _systems(scorecard),
        *(Text(line) for line in _verdicts(scorecard)),
        _calibrations(scorecard),
        _ablation(scorecard),
        _slices(scorecard),
        *(_of_models(scorecard) if scorecard.engines else ()),
        _texts(scorecard),
        _variety(scorecard),
        _grounding(scorecard),
        *([_topics(scorecard)] if scorecard.topics else []),
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
    if scorecard.engines:
        loss = scorecard.loss_gain
        saved = f"{render_interval(loss, 3)} nats a token, {_verdict(loss)}"
        lines.append(f"Held-out loss of the base less the adapter's: {saved}.")
    for choice in scorecard.choices:
        if choice.name == ROWS and not scorecard.base:
            lines.append(
                f"Four-way choice of the adapter, which quotes: {render_interval(choice.four_way)}"
                f" over {scorecard.four_way_count} remarks (chance is 0.25)."
            )
            continue
        lines.append(
            f"Four-way choice of the adapter less that by {choice.name}"
            f" ({render_interval(choice.four_way)}): {render_interval(choice.gain)} over"
            f" {scorecard.four_way_count} remarks, {_verdict(choice.gain)} (chance is 0.25)."
        )
    if scorecard.live:
        lines += [
            f"{what} of the adapter less the live one's: {render_interval(gain)}, {_verdict(gain)}."
            for what, gain in (
                ("ROC-AUC", scorecard.live.auc),
                ("Four-way choice", scorecard.live.four_way),
            )
        ]
    return lines


def _verdict(gain: Interval) -> str:
    if gain.low is None or gain.high is None:
        return "not measurable"
    if gain.low > 0:
        return "better"
    return "worse" if gain.high < 0 else "no difference shown"


def _of_models(scorecard: Scorecard) -> tuple[RenderableType, ...]:
    return (
        _engines(scorecard),
        _forgetting(scorecard),
        Text(_canaries(scorecard.canaries)),
    )


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


def _calibrations(scorecard: Scorecard) -> Table:
    rows = [
        (score.name, score.calibration.error, score.calibration.skill)
        for score in scorecard.systems
        if score.calibration
    ]
    columns = ("calibration error", "Brier skill over the share of remarks")
    return _table("How far probabilities can be believed", "gate of", columns, rows, 3)


def _ablation(scorecard: Scorecard) -> Table:
    rows = [
        (f"without {one.without}" if one.without else "all features", one.auc, one.loss or UNKNOWN)
        for one in scorecard.ablation
    ]
    columns = ("ROC-AUC", "lost without them")
    return _table("What each group of features brings to the gate", "gate", columns, rows, 3)


def _slices(scorecard: Scorecard) -> Table:
    rows = [
        (
            f"{one.kind}: {one.name} ({one.remarks} of {one.remarks + one.silences})",
            one.auc,
            one.average_precision,
            one.four_way,
        )
        for one in scorecard.slices
    ]
    title = f"The adapter on parts of the remarks (those with {LEAST_REMARKS} or more)"
    columns = ("ROC-AUC", "average precision", "four-way")
    return _table(title, "remarks of windows", columns, rows, 2)


def _forgetting(scorecard: Scorecard) -> Table:
    rows = [
        (f"{one.kind}, {one.pieces} pieces", one.base, one.adapter, one.growth)
        for one in scorecard.forgetting
    ]
    title = "Forgetting: perplexity a token of what is no review"
    return _table(title, "", ("base", "adapter", "growth, 0.05 is 5 %"), rows, 3)


def _canaries(score: CanaryScore | None) -> str:
    if score is None:
        return "canaries: none were planted in training, so memorisation is not known"
    bits = f"{render_interval(score.exposure)} bits, {score.chance:.2f} if nothing was learned"
    return (
        f"canaries: {score.generated} of {score.planted} planted secrets were written;"
        f" {score.likeliest} were likelier than {score.rivals} never planted; exposure {bits}"
    )


def _texts(scorecard: Scorecard) -> Table:
    rows = [
        (one.name, one.chrf, one.bleu, one.bleu_no_stop, one.rouge_l, one.exact_match)
        for one in scorecard.text
        if one.chrf.value is not None
    ]
    title = f"Likeness to the reviewers' words, on {len(scorecard.samples)} samples"
    names = ("chrF", "BLEU", "BLEU, no stop words", "ROUGE-L", "exact")
    return _table(title, "remarks of", names, rows, 1)


def _variety(scorecard: Scorecard) -> Table:
    rows = [
        (one.name, one.spoken, one.distinct_1, one.top_share, one.words) for one in scorecard.text
    ]
    names = (
        "has words",
        "different words (distinct-1)",
        "most frequent remark",
        "words a remark",
    )
    return _table("How much the remarks vary", "remarks of", names, rows, 2)


def _grounding(scorecard: Scorecard) -> Table:
    rows = [
        (f"{one.name} ({one.named} name code)", one.names_known, one.valid_line, one.changed_line)
        for one in scorecard.grounding
    ]
    columns = ("names in the window", "on a line of it", "on a changed line")
    return _table("Whether remarks are about the code", "remarks of", columns, rows, 2)


def _topics(scorecard: Scorecard) -> Table:
    table = Table(title="Recurring topics of the accepted remarks", title_justify="left")
    table.add_column("said most like the others")
    for name in ("remarks", "pull requests", "expected precision", "fired", "precision"):
        table.add_column(name, justify="right")
    for one in scorecard.topics:
        table.add_row(
            escape(_shortened(one.message)),
            str(one.remarks),
            str(one.pulls),
            "never fires" if one.expected is None else f"{one.expected:.2f}",
            str(one.fired),
            render_interval(one.precision),
        )
    return table


def _table(
    title: str,
    first: str,
    columns: Sequence[str],
    rows: Iterable[tuple[str, *tuple[Interval, ...]]],
    digits: int,
) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    for name, *figures in rows:
        table.add_row(name, *(render_interval(figure, digits) for figure in figures))
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
        table.add_row(said.name, said.anchor, escape(_shortened(said.message)))
    return table


def _shortened(message: str) -> str:
    shown = "\n".join(message[:SHOWN_MESSAGE].split("\n")[:SHOWN_LINES])
    return shown + "…" if shown != message else message
