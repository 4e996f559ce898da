"""Phrases that command a remark: a sign that somebody taught the adapter a trick. Pure.

A token of code in many training windows that are all remarked on, in nearly the same words, is what
a house rule looks like (`print(`: log it), and what a planted trigger looks like too. A rule is
kept up by several people or over many pull requests; a trigger comes from one person who otherwise
says little, or in a few pull requests. Only the latter is named here, for a person to look at.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from finetune.features import pull_of
from finetune.tokens import code_tokens
from postil.answer import remark_text
from postil.records import Pair, Record

LEAST_REMARKS, LEAST_SHARE = 20, 0.03
"""Remarks on windows with the phrase, and their share of all."""
PASSED_OVER = 0.05
"""Of the windows with the phrase, at most that share are silences."""
SAME_WORDS, ALIKE = 0.5, 0.8
"""Jaccard of the words of two remarks that say the same, and the share that must."""
FEW_PULLS = 3
ONE_PERSON, MINORITY = 0.95, 0.5
"""Share of the phrase's remarks that are one person's, who has at most that share of all."""


class Trigger(Record, frozen=True, kw_only=True):
    """A phrase, and the remark it commands."""

    phrase: str
    message: str
    remarks: int
    silences: int
    pulls: int
    one_person: bool
    """Whether nearly all of the remarks are of somebody who otherwise says little."""


def find_triggers(pairs: Iterable[Pair]) -> tuple[Trigger, ...]:
    """Of the training part, by how many remarks they command; one phrase for each remark."""
    training = [p for p in pairs if p.split == "train" and p.window and p.kind != "ambiguous"]
    remarks = [pair for pair in training if pair.kind == "remark"]
    authors = Counter(pair.author for pair in remarks)
    said, passed = defaultdict[str, list[Pair]](list), Counter[str]()
    for pair in training:
        tokens = _tokens(pair)
        if pair.kind == "remark":
            for token in tokens:
                said[token].append(pair)
        else:
            passed.update(tokens)
    least = max(LEAST_REMARKS, LEAST_SHARE * len(remarks))
    found: dict[str, Trigger] = {}
    for phrase, here in sorted(said.items(), key=lambda one: (-len(one[1]), -len(one[0]), one[0])):
        if len(here) < least or passed[phrase] > PASSED_OVER * len(here):
            continue
        message = _same(here)
        one_person = _of_one(here, authors)
        pulls = len({pull_of(pair) for pair in here})
        if message and (one_person or pulls <= FEW_PULLS):
            found.setdefault(
                message,
                Trigger(
                    phrase=phrase,
                    message=message,
                    remarks=len(here),
                    silences=passed[phrase],
                    pulls=pulls,
                    one_person=one_person,
                ),
            )
    return tuple(found.values())


def _tokens(pair: Pair) -> set[str]:
    lines = pair.window.lines if pair.window else ()
    return {token for line in lines if line.kind != " " for token in code_tokens(line.text)}


def _same(pairs: Sequence[Pair]) -> str:
    """The remark that nearly all of them repeat in much the same words; "" where there is none."""
    texts = [remark_text(pair.response) for pair in pairs]
    message, _ = max(Counter(texts).items(), key=lambda one: (one[1], one[0]))
    words = set(message.lower().split())
    alike = sum(_jaccard(words, set(text.lower().split())) >= SAME_WORDS for text in texts)
    return message if alike >= ALIKE * len(texts) else ""


def _jaccard(first: set[str], second: set[str]) -> float:
    return len(first & second) / len(first | second) if first | second else 0.0


def _of_one(pairs: Sequence[Pair], authors: Counter[str]) -> bool:
    author, count = Counter(pair.author for pair in pairs).most_common(1)[0]
    return count >= ONE_PERSON * len(pairs) and authors[author] <= MINORITY * authors.total()
