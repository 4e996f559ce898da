"""One adapter for several repositories of one owner: trained on all, speaking in each for itself.

Each repository's pairs keep their own parts in time, their own name and, in the adapter's folder, a
gate of their own. What is remembered of one is never shown in another: only the weights are common.
Pure.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from finetune.recall import IndexEntry
from postil.errors import UsageError
from postil.records import AdapterCard, Pair

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,60}")
FIRST = datetime.min.replace(tzinfo=UTC)


def pooled_repo(repo: str, name: str) -> str:
    """Where the registry keeps the pooled adapter of a repository's owner; no host allows a `+` in
    a repository's name."""
    owner, slash, _ = repo.partition("/")
    if not slash or not NAME.fullmatch(name):
        raise UsageError(f"{name!r}: not the name of a pooled adapter of {repo!r}")
    return f"{owner}/+{name}"


def pool(parts: Mapping[str, Sequence[Pair]]) -> tuple[Pair, ...]:
    """The pairs of several repositories, in time order; UsageError where they may not be put
    together: other owners, pairs of a foreign repository, or fewer than two."""
    owners = {repo.partition("/")[0].lower() for repo in parts}
    if len(parts) < 2 or len(owners) != 1:
        raise UsageError("--pooled puts together two or more repositories of one owner")
    for repo, pairs in parts.items():
        strange = next((pair.repo for pair in pairs if pair.repo != repo), None)
        if strange is not None:
            raise UsageError(f"{repo}: its dataset holds pairs of {strange!r}: build it again")
    every = [pair for pairs in parts.values() for pair in pairs]
    return tuple(sorted(every, key=lambda pair: (pair.decided_at or FIRST, pair.repo, pair.pull)))


def repos_of(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """The repositories of pooled pairs; none where there is only one."""
    found = sorted({pair.repo for pair in pairs if pair.repo})
    return tuple(found) if len(found) > 1 else ()


def own_gate(repo: str) -> str:
    """The file of a repository's own gate in a pooled adapter's folder."""
    return f"gate-{repo.rpartition('/')[2].lower()}.json"


def gate_file(card: AdapterCard, repo: str, common: str) -> str:
    """The gate that decides for a repository: its own, where the adapter is pooled and has one."""
    mine = own_gate(repo)
    known = repo.lower() in {name.lower() for name in card.pooled}
    return mine if known and mine in card.files else common


def shown_entries(entries: Sequence[IndexEntry], card: AdapterCard, repo: str) -> list[IndexEntry]:
    """What may be quoted and linked in a repository: of a pooled adapter only its own past."""
    if not card.pooled:
        return list(entries)
    return [entry for entry in entries if entry.repo and entry.repo.lower() == repo.lower()]
