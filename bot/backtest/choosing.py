"""The newest pull requests of the test part, oldest first, that an adapter may be tried on. Pure.

A pull request is only replayed if everything the adapter remembers was decided before it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bot.backtest.records import Aside
from mining.scrub import find_secret, mask_people
from postil.answer import clean_message
from postil.errors import ConfigError
from postil.records import Change, Pair, Record

Key = tuple[str, int]


class Pull(Record, frozen=True, kw_only=True):
    """A closed pull request with every window of its reviewed revisions."""

    repo: str
    number: int
    title: str
    url: str
    decided_at: datetime
    pairs: tuple[Pair, ...]
    asides: tuple[Aside, ...] = ()


def choose_pulls(
    pairs: Sequence[Pair],
    last: int,
    remembered: datetime | None,
    stored: Mapping[Key, Change],
) -> list[Pull]:
    """The last so many; those that the store knows were abandoned are left out.

    `remembered`: when the newest remark that the adapter knows was decided. ConfigError where
    that is later than a pull request, or where there is none.
    """
    windows = defaultdict[Key, list[Pair]](list)
    for pair in pairs:
        if pair.split == "test" and pair.located and pair.window and pair.decided_at:
            windows[pair.repo, pair.pull].append(pair)
    merged = [key for key in windows if key not in stored or stored[key].pull.state == "merged"]
    found = [_pull(key, windows[key], stored.get(key)) for key in merged]
    found.sort(key=lambda pull: (pull.decided_at, pull.repo, pull.number))
    if not found:
        raise ConfigError("no merged pull request in the test part: build it from more history")
    chosen = found[-last:]
    if remembered and chosen[0].decided_at <= remembered:
        raise ConfigError(
            f"the adapter remembers remarks up to {remembered:%Y-%m-%d}, and #{chosen[0].number}"
            f" was decided on {chosen[0].decided_at:%Y-%m-%d}: it knows what came after; choose"
            " fewer with --last, or the pairs that it was made from"
        )
    return chosen


def _pull(key: Key, pairs: Sequence[Pair], known: Change | None) -> Pull:
    """Windows in the order of the diff: by path, then by line."""
    times = [pair.decided_at for pair in pairs if pair.decided_at]
    return Pull(
        repo=key[0],
        number=key[1],
        title=known.pull.title if known else "",
        url=known.pull.url if known else "",
        decided_at=max(times),
        pairs=tuple(sorted(pairs, key=_place)),
        asides=tuple(_asides(known, {pair.url for pair in pairs})) if known else (),
    )


def _asides(change: Change, taught: set[str]) -> Iterator[Aside]:
    """What reviewers said besides the remarks of the pairs, without names and secrets."""
    for thread in change.threads:
        reviewer = thread.author_kind == "person" and thread.author != change.pull.author
        message = mask_people(clean_message(thread.body))
        if reviewer and thread.url not in taught and message and not find_secret(message):
            span = thread.span
            yield Aside(path=span.path, line=span.end, message=message, url=thread.url)


def _place(pair: Pair) -> tuple[str, int, str]:
    assert pair.window is not None  # noqa: S101 - pairs without one were left out
    first = pair.window.lines[0]
    return pair.window.path, first.new or first.old or 0, pair.id
