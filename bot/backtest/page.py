"""A backtest as one HTML page that is browsed pull request by pull request. Pure but for the
template it reads."""

from pathlib import Path

from bot.backtest.records import Agreement, Aside, Backtest, Place, Replayed
from finetune.pages import render_page
from finetune.pages.hunks import Past, Row, Voice, rows_of_window
from postil.answer import anchor_of
from postil.records import Finding, Record, Window

TEMPLATE = Path(__file__).parent / "page.html"
FEW_PULLS = 30
FEW_COMMENTS = 20
TAGS: dict[Agreement, tuple[str, str]] = {
    "line": ("both, on the same line", "right"),
    "window": ("both, on other lines", "right"),
    "alarm": ("only Postil", "wrong"),
    "unclear": ("unclear", "soft"),
    "missed": ("only the reviewer", "wrong"),
}
"""What stands over a window, and how it looks."""


class PlaceView(Record, frozen=True, kw_only=True):
    """A window as it is shown."""

    tag: str
    look: str
    path: str
    note: str
    rows: tuple[Row, ...]


class PullView(Record, frozen=True, kw_only=True):
    """A pull request as it is shown."""

    of: Replayed
    anchor: str
    name: str
    decided: str
    told: str
    places: tuple[PlaceView, ...]
    asides: tuple[Voice, ...]


def render_backtest(test: Backtest) -> str:
    """The page."""
    days = [f"{pull.decided_at:%Y-%m-%d}" for pull in test.pulls]
    views = [_view(pull, number, test) for number, pull in enumerate(test.pulls, 1)]
    return render_page(
        TEMPLATE,
        test=test,
        pulls=views,
        span=f"{days[0]} to {days[-1]}" if days else "none",
        limits=limits_of(test),
    )


def limits_of(test: Backtest) -> list[str]:
    """What the figures leave open, as far as it can be told from them."""
    totals, limits = test.totals, []
    if totals.pulls < FEW_PULLS or totals.comments < FEW_COMMENTS:
        limits.append(
            f"Few pull requests ({totals.pulls}) and comments ({totals.comments}): believe the"
            " intervals, not the figures."
        )
    if not test.same_pairs:
        limits.append(
            "The adapter was made from other pairs than these: its calibration may have seen some"
            " of these pull requests."
        )
    if not test.merged_known:
        limits.append(
            "Which of them were merged is not known: the store does not hold all of them."
        )
    if any(pull.skipped for pull in test.pulls):
        count = sum(len(pull.skipped) for pull in test.pulls)
        limits.append(f"{count} files were not read; each is named with the reason.")
    limits.append(
        "Windows of all reviewed revisions were read at once, as one review; live, each push is"
        " read when it comes."
    )
    limits.append("Whether authors would have heeded a comment can only be seen live.")
    return limits


def _view(pull: Replayed, number: int, test: Backtest) -> PullView:
    counts = {kind: pull.count(kind) for kind in TAGS}
    told = [f"{TAGS[kind][0]}: {count}" for kind, count in counts.items() if count]
    if pull.asides:
        told.append(f"other remarks: {len(pull.asides)}")
    return PullView(
        of=pull,
        anchor=f"pull-{number}",
        name=f"#{pull.number} {pull.title}".strip(),
        decided=f"{pull.decided_at:%Y-%m-%d}",
        told="; ".join(told) or "nobody spoke",
        places=tuple(_place_view(place, test.threshold) for place in pull.places),
        asides=tuple(_aside_voice(one) for one in pull.asides),
    )


def _aside_voice(aside: Aside) -> Voice:
    past = (Past(text="", url=aside.url),) if aside.url else ()
    note = f"{aside.path}:{aside.line}"
    return Voice(role="person", name="reviewer", text=aside.message, note=note, past=past)


def _place_view(place: Place, threshold: float | None) -> PlaceView:
    tag, look = TAGS[place.agreement]
    voices = []
    if place.heard:
        heard = place.heard
        past = (Past(text="", url=heard.url),) if heard.url else ()
        voices.append(
            Voice(
                role="person",
                name="reviewer",
                text=heard.message,
                anchor=heard.anchor,
                past=past,
            )
        )
    if place.comment:
        voices.append(_voice(place.comment, place.window))
    return PlaceView(
        tag=tag,
        look=look,
        path=place.window.path,
        note=_chance(place, threshold),
        rows=rows_of_window(place.window, voices),
    )


def _voice(comment: Finding, window: Window) -> Voice:
    """What Postil would have posted, and the past remarks it is like."""
    past = tuple(
        Past(
            text=f"resembles {one.similarity:.2f}"
            + (f", {one.when:%Y-%m-%d}:" if one.when else ":"),
            url=one.url,
        )
        for one in comment.resembles
    )
    text = comment.message
    if comment.suggestion is not None:
        text += f"\n\ninstead:\n{comment.suggestion}"
    return Voice(
        role="postil",
        name="Postil",
        text=text,
        anchor=anchor_of(window, comment.span),
        note=f"probability {comment.score:.2f}",
        past=past,
    )


def _chance(place: Place, threshold: float | None) -> str:
    if place.probability is None:
        return "not read"
    if place.comment is not None or threshold is None:
        return f"probability {place.probability:.2f}"
    below = place.probability < threshold
    why = f"below the threshold {threshold:.2f}" if below else "held back or dropped"
    return f"probability {place.probability:.2f}, {why}"
