"""What a person decided about single examples, applied to them. Pure.

A decision is kept under the `origin` of an example, which holds for the same remark however often
the repository is mined again and windows are cut anew.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, get_args

import msgspec

from postil.answer import NO_COMMENT, Remark, clean_message, parse_answer, render_answer
from postil.errors import PayloadError
from postil.records import Example, Record

Verdict = Literal["keep", "drop", "edit"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class Decision(Record, frozen=True, kw_only=True):
    """What was decided about one example. `text` is the new wording of an edited remark."""

    origin: str
    verdict: Verdict
    text: str = ""

    def __post_init__(self) -> None:
        if (self.verdict == "edit") != bool(clean_message(self.text)):
            raise PayloadError(f"{self.origin}: an edit has a text, and nothing else has one")


def origin_of(repo: str, pull: int, url: str, response: str, identity: str) -> str:
    """The name a decision is kept under.

    A remark's is its place on the host and its words, a silence's its example.
    """
    words = identity if response == NO_COMMENT else response.partition("\n")[2]
    name = msgspec.json.encode((repo, pull, url, words))
    return hashlib.sha256(name).hexdigest()[:16]


def apply_decisions(
    examples: Sequence[Example], decisions: Mapping[str, Decision]
) -> tuple[list[Example], Counter[str]]:
    """The examples as a person wants them, and how many were dropped and edited."""
    kept: list[Example] = []
    tally: Counter[str] = Counter()
    for example in examples:
        decision = decisions.get(example.origin)
        if decision is None or decision.verdict == "keep":
            kept.append(example)
        elif decision.verdict == "edit" and example.kind == "remark":
            kept.append(_reworded(example, decision.text))
            tally["edited in curation, and kept"] += 1
        else:
            tally["dropped in curation"] += 1
    return kept, tally


def _reworded(example: Example, text: str) -> Example:
    remark = parse_answer(example.response)
    assert remark is not None  # noqa: S101 - the example is a remark
    reworded = Remark(
        anchor=remark.anchor, message=clean_message(text), suggestion=remark.suggestion
    )
    return msgspec.structs.replace(example, response=render_answer(reworded))


def by_origin(decisions: Iterable[Decision]) -> dict[str, Decision]:
    """Decisions by what they are about."""
    return {decision.origin: decision for decision in decisions}
