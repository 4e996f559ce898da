"""A scorecard that no model made, with every field filled; and what a report shows beside it."""

from typing import Any

from finetune.evaluation.metrics import UNKNOWN, Interval
from finetune.evaluation.report import Sources
from finetune.evaluation.scorecard import (
    Ablation,
    Calibration,
    CalibrationBin,
    CanaryScore,
    ChoiceScore,
    Counts,
    CurvePoint,
    EngineScore,
    Forgetting,
    Gain,
    GroundingScore,
    Mistake,
    PastRemark,
    Said,
    SampleView,
    Scorecard,
    Slice,
    SystemScore,
    TextScore,
    TopicScore,
)
from mining.tallies import Tallies
from postil.prompt import render_question
from tests.finetune.builders import day, make_window
from tests.finetune.test_adapters import card

DATA = "0" * 64
LONG = "    return compute_the_total_of_everything(first_argument, second_argument, third=rows)"
QUESTION = render_question(
    make_window(" def run(rows):", "+    try:", f"+{LONG}", "-    old(rows)", "+    except:")
)
STEPS = tuple(
    {"step": n, "loss": 12 / n + 3, "held_out": 9 - n / 8 if n % 8 == 0 else None, "rate": 1e-4}
    for n in range(1, 41)
)
TALLIES = Tallies(
    sha256=DATA,
    remarks={"kept: tier B": 604, "too short": 474, "kept: tier A": 22, "tier D": 560, "none": 0},
    teachers={},
    windows={},
    dropped={},
    parts={"test": {"remark": 115, "silence": 1912}, "train": {"remark": 402, "silence": 402}},
)


def near(value: float, spread: float = 0.08) -> Interval:
    """A figure with an interval around it."""
    return Interval(value=value, low=round(value - spread, 4), high=round(value + spread, 4))


def make_system(name: str, auc: float, threshold: float | None = 0.42, **more: Any) -> SystemScore:
    """One way of deciding."""
    values: dict[str, Any] = {
        "auc": near(auc),
        "average_precision": near(auc / 3),
        "auc_ambiguous_silent": near(auc - 0.03),
        "auc_ambiguous_remarked": near(auc - 0.1),
        "threshold": threshold,
        "precision": near(0.55) if threshold else UNKNOWN,
        "recall": near(0.3) if threshold else near(0.0, 0.0),
        "f1": near(0.38),
        "comments_per_pull": 0.9 if threshold else 0.0,
        "note": "2000 windows, 115 of them remarked on: logistic regression on 15 features.",
        "calibration": Calibration(
            error=near(0.04, 0.02),
            skill=near(0.12),
            bins=tuple(
                CalibrationBin(predicted=at, observed=at * 0.9 + 0.01, weight=200.0)
                for at in (0.01, 0.03, 0.06, 0.1, 0.18, 0.3, 0.55)
            ),
        ),
        "curve": tuple(
            CurvePoint(threshold=1 - n / 60, recall=n / 60, precision=max(0.06, auc - n / 90))
            for n in range(1, 61)
        ),
    }
    return SystemScore(name=name, **(values | more))


def make_engine(name: str, loss: float) -> EngineScore:
    """What is measured on one engine."""
    share = near(0.6)
    return EngineScore(
        name=name,
        loss=near(loss),
        perplexity=near(20.0, 3.0),
        byte_perplexity=near(2.1),
        loss_silences=near(0.4),
        no_comment_accuracy=share,
        silent_on_silences=share,
        speaks_on_remarks=share,
        gate_accuracy=share,
        right_line=share,
        four_way=UNKNOWN,
    )


def make_text(name: str) -> TextScore:
    """Likeness and variety of one system's remarks."""
    return TextScore(
        name=name,
        samples=20,
        chrf=near(14.2, 2.0),
        distinct_1=near(0.4),
        top_share=near(0.1, 0.05),
        words=near(12.0, 3.0),
    )


PAST = PastRemark(
    message="Name the exception you expect here.",
    url="https://example.org/o/r/pull/7#r1",
    when=day(3),
    similarity=0.71,
)


def make_sample(number: int = 1, text: str = "", spoken: bool = True) -> SampleView:
    """A test window with what three say of it."""
    return SampleView(
        url=f"https://example.org/o/r/pull/{number}#r1",
        path="app/jobs.py",
        question=QUESTION,
        human=Said(name="human", anchor="R5", message=text or f"Name it, please. ({number})"),
        said=(
            Said(name="adapter", anchor="R2-3", message=text or "Name the exception."),
            Said(name="retrieval", anchor="R5", message=PAST.message),
            Said(name="random remark", anchor="", message="No."),
        ),
        probability=0.61 if spoken else 0.08,
        spoken=spoken,
        past=(PAST,),
    )


def make_scorecard(**more: Any) -> Scorecard:
    """A good adapter's scorecard; what is given replaces fields."""
    rivals = {"base": 0.6, "size alone": 0.58, "cheap features alone": 0.63, "retrieval": 0.55}
    mistakes = (
        Mistake(
            kind="spoken",
            url="https://example.org/1",
            path="app/a.py",
            question=QUESTION,
            human=None,
            probability=0.83,
            past=(PAST,),
        ),
        Mistake(
            kind="missed",
            url="https://example.org/2",
            path="app/b.py",
            question=QUESTION,
            human=Said(name="human", anchor="L4", message="Keep this."),
            probability=0.02,
        ),
    )
    values: dict[str, Any] = {
        "adapter": "0123456789abcdef",
        "base": "smollm2-135m",
        "template": "postil-1",
        "data_sha256": DATA,
        "seed": 7,
        "counts": Counts(
            pulls=117, windows=2184, remarks=115, silences=1912, ambiguous=157, scored=872
        ),
        "systems": (
            make_system("adapter", 0.82),
            *(make_system(name, auc) for name, auc in rivals.items()),
            make_system(
                "always",
                0.5,
                0.0,
                precision=near(0.06, 0.01),
                recall=near(1.0, 0.0),
                curve=(),
                calibration=None,
                comments_per_pull=18.0,
            ),
        ),
        "gains": tuple(
            Gain(over=name, auc=near(0.82 - auc), average_precision=near(0.05))
            for name, auc in rivals.items()
        ),
        "engines": (make_engine("adapter", 3.1), make_engine("base", 3.8)),
        "loss_gain": near(0.7),
        "choices": (ChoiceScore(name="base", four_way=near(0.4), gain=near(0.2)),),
        "four_way_count": 60,
        "line_chance": 0.2,
        "ablation": (
            Ablation(without="", auc=near(0.82), loss=None),
            Ablation(without="the model's log-odds", auc=near(0.63), loss=near(0.19)),
        ),
        "text": tuple(
            make_text(name)
            for name in ("human", "adapter", "adapter by recall", "adapter by recall+write", "base")
        ),
        "topics": (
            TopicScore(
                message="Name the exception you expect here.",
                remarks=14,
                pulls=9,
                threshold=0.7,
                expected=0.55,
                fired=6,
                precision=near(0.5),
            ),
            TopicScore(
                message=LONG,
                remarks=6,
                pulls=3,
                threshold=None,
                expected=None,
                fired=0,
                precision=UNKNOWN,
            ),
        ),
        "grounding": (
            GroundingScore(
                name="adapter",
                named=9,
                names_known=near(0.8),
                valid_line=near(1.0, 0),
                changed_line=near(0.9),
            ),
        ),
        "forgetting": (
            Forgetting(
                kind="code", pieces=20, base=near(9.0, 1), adapter=near(9.6, 1), growth=near(0.07)
            ),
        ),
        "canaries": CanaryScore(
            planted=8, generated=0, rivals=999, likeliest=1, exposure=near(1.3), chance=1.44
        ),
        "slices": (
            Slice(
                kind="language",
                name="python",
                remarks=100,
                silences=1500,
                auc=near(0.8),
                average_precision=near(0.3),
                four_way=near(0.5),
                four_way_count=50,
            ),
        ),
        "samples": tuple(make_sample(n, spoken=n % 2 == 0) for n in range(1, 25)),
        "mistakes": mistakes,
    }
    return Scorecard(**(values | more))


def make_sources(**more: Any) -> Sources:
    """All that a report can show beside the scorecard."""
    made = card(created_at=day(100), data_sha256=DATA)
    values: dict[str, Any] = {"card": made, "steps": STEPS, "tallies": TALLIES}
    return Sources(**(values | more))
