"""A pull request of the past -> what the bot would have said, beside what reviewers said. Pure.

The bot's own `review` is called on the windows that reviewers saw: same gate, same threshold,
same cap, same words. The windows of all reviewed revisions are read at once, as one review.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby

from bot.backtest.choosing import Pull
from bot.backtest.records import Heard, Place, Replayed, Tokens
from bot.review import Model, ModelInfo, Recalled, Reviewed, review
from postil.answer import Anchor, parse_answer
from postil.diff import FileDiff, Hunk
from postil.errors import ConfigError
from postil.prompt import render_question
from postil.records import Finding, Pair, Window
from postil.settings import ReviewSettings

CountTokens = Callable[[Sequence[str]], int]
"""How many tokens some texts are, of the adapter's base."""


class WatchedModel:
    """A `bot.review.Model` that passes everything on and notes what was asked and answered."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.chances: dict[Window, float] = {}
        self.candidates: list[Window] = []
        self.asked: list[str] = []
        self.written: list[str] = []

    @property
    def info(self) -> ModelInfo:
        """Of the model."""
        return self._model.info

    def load(self) -> None:
        """Pass on."""
        self._model.load()

    def score(self, instructions: Sequence[str]) -> list[float]:
        """Pass on; every question is read once."""
        self.asked += instructions
        return self._model.score(instructions)

    def gate(
        self, windows: Sequence[Window], scores: Sequence[float], newcomer: bool | None = None
    ) -> list[float]:
        """Pass on, and keep the probabilities."""
        chances = self._model.gate(windows, scores, newcomer)
        self.chances.update(zip(windows, chances, strict=True))
        return chances

    def anchor_scores(self, window: Window, allowed: Sequence[Anchor]) -> list[float]:
        """Pass on; the anchors share one reading of the question."""
        self.asked.append(render_question(window))
        return self._model.anchor_scores(window, allowed)

    def write(
        self, instructions: Sequence[str], places: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """Pass on, and keep the words."""
        self.asked += instructions
        said = self._model.write(instructions, places, max_tokens)
        self.written += said
        return said

    def recall(self, windows: Sequence[Window], places: Sequence[Anchor]) -> list[list[Recalled]]:
        """Pass on; these are the windows that are spoken about."""
        self.candidates += windows
        return self._model.recall(windows, places)


def replay(
    pull: Pull,
    model: Model,
    settings: ReviewSettings,
    count_tokens: CountTokens,
    clock: Callable[[], float] = time.perf_counter,
) -> Replayed:
    """Review one pull request; ConfigError where its windows are not cut as the adapter cuts."""
    watched = WatchedModel(model)
    newcomer = pull.pairs[0].newcomer if pull.pairs else None
    reviewed = review(files_of(pull.pairs), watched, settings, newcomer=newcomer, clock=clock)
    known = {pair.window for pair in pull.pairs}
    if not known.issuperset(watched.chances):
        raise ConfigError(
            f"{pull.repo}#{pull.number}: the pairs hold other windows than the adapter reads"
            f" ({model.info.window_lines} lines): build the dataset with its mining.window_lines"
        )
    said = _by_window(reviewed.findings, watched)
    places = (_place(pair, watched.chances, said) for pair in pull.pairs)
    tokens = Tokens(read=count_tokens(watched.asked), written=count_tokens(watched.written))
    return _replayed(pull, reviewed, watched, tuple(p for p in places if p), tokens)


def files_of(pairs: Sequence[Pair]) -> list[FileDiff]:
    """The windows as a change again: each is a hunk of its own, which is cut no further."""
    cut = [pair.window for pair in pairs if pair.window]
    return [
        FileDiff(
            path=path,
            old_path=path,
            change="modified",
            hunks=tuple(Hunk(path=path, lines=window.lines) for window in windows),
        )
        for path, windows in groupby(cut, key=lambda window: window.path)
    ]


def _by_window(findings: Sequence[Finding], watched: WatchedModel) -> dict[Window, Finding]:
    """The findings by what they are about: they come in the order in which windows were asked
    about, some left out. Line numbers alone repeat from revision to revision."""
    order = iter(watched.candidates)
    return {
        next(w for w in order if watched.chances[w] == one.score and w.rows(one.span)): one
        for one in findings
    }


def _place(pair: Pair, chances: dict[Window, float], said: dict[Window, Finding]) -> Place | None:
    """What is to be seen at a window; None where nobody spoke."""
    assert pair.window is not None  # noqa: S101 - pairs without one were left out
    remark = parse_answer(pair.response)
    comment = said.get(pair.window)
    if remark is None and comment is None:
        return None
    heard = Heard(anchor=remark.anchor, message=remark.message, url=pair.url) if remark else None
    return Place(
        window=pair.window,
        kind=pair.kind,
        probability=chances.get(pair.window),
        heard=heard,
        comment=comment,
    )


def _replayed(
    pull: Pull,
    reviewed: Reviewed,
    watched: WatchedModel,
    places: tuple[Place, ...],
    tokens: Tokens,
) -> Replayed:
    kinds = Counter(pair.kind for pair in pull.pairs if pair.window in watched.chances)
    spent = {stage: s for stage, s in reviewed.seconds.items() if stage != "load"}
    return Replayed(
        repo=pull.repo,
        number=pull.number,
        title=pull.title,
        url=pull.url,
        decided_at=pull.decided_at,
        windows=reviewed.windows,
        remarks=kinds["remark"],
        silences=kinds["silence"],
        unclear=kinds["ambiguous"],
        places=places,
        asides=pull.asides,
        skipped=reviewed.skipped,
        held_back=reviewed.held_back,
        dropped=reviewed.dropped,
        seconds=round(sum(spent.values()), 2),
        tokens=tokens,
    )
