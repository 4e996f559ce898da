"""Caps on what one remark or one person may teach. Pure.

A remark said word for word hundreds of times, or a reviewer who writes nearly all of them, would
be all that is learned. The newest are kept: taste changes. Only the training part is capped; what
is stopped, calibrated and measured on stays as it was.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from postil.records import Example

SAID_OFTEN, ONE_REVIEWER = "the same words, said often enough", "over one reviewer's share"
TEACHERS = 3
"""With fewer people nobody's share is capped: there would be nothing to learn instead."""


def over_the_caps(examples: Sequence[Example], same: int, share: float) -> dict[str, str]:
    """Ids of remarks that are too many, with the reason.

    `same`: most remarks of the same words; `share`: most of all remarks by one person, 0.5 to 1.
    """
    remarks = (e for e in examples if e.kind == "remark")
    newest = sorted(remarks, key=lambda e: (e.decided_at, e.id), reverse=True)
    left: dict[str, str] = {}
    said: Counter[str] = Counter()
    for example in newest:
        words = wording(example)
        said[words] += 1
        if said[words] > same:
            left[example.id] = SAID_OFTEN
    by_person: dict[str, list[Example]] = defaultdict(list)
    for example in newest:
        if example.id not in left:
            by_person[example.author].append(example)
    if len(by_person) >= TEACHERS and share < 1:
        busiest = max(by_person.values(), key=len)
        others = sum(map(len, by_person.values())) - len(busiest)
        most = int(share / (1 - share) * others)
        left |= {e.id: ONE_REVIEWER for e in busiest[most:]}
    return left


def wording(example: Example) -> str:
    """A remark without its anchor, case and punctuation at its end."""
    return " ".join(example.response.partition("\n")[2].casefold().split()).rstrip(".!")


def shares(authors: Sequence[str]) -> list[tuple[str, int, float]]:
    """Each author's remarks and share of all, busiest first."""
    counts = Counter(authors)
    total = counts.total()
    return [(author, count, count / total) for author, count in counts.most_common()]
