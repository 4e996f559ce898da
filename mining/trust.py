"""Who teaches: whose remarks may become training data, by what rule, and from when on. Pure.

Fail closed: whoever no rule lets in teaches nothing. Changes are those of one repository, so that
power in one place gives none in another.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from postil.records import Change

WRITERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""Associations of GitHub that come with write access to most repositories."""

DECIDING_VOTE = 2
"""Code-Review +2 and -2 decide on Gerrit; who may give them is granted by the project."""


class Teachers:
    """Answers whose word counts. `since` holds when each account first showed its power, and how.

    A name is compared without case, as hosts do.
    """

    def __init__(self, trusted: Collection[str], since: Mapping[str, tuple[datetime, str]]) -> None:
        self._trusted = frozenset(name.lower() for name in trusted)
        self._since = since

    def teaches(
        self, author: str, association: str, at: datetime, may_push: bool | None = None
    ) -> str | None:
        """The rule that lets a remark made `at` some time in; None: none does.

        Where the host says whether the author may push, the association alone says nothing:
        members of an organisation need not have write access.
        """
        name = author.lower()
        if name in self._trusted:
            return "named in [mining] trusted"
        if may_push:
            return "may push, as the host says"
        if may_push is None and association in WRITERS:
            return f"association {association}"
        first, rule = self._since.get(name, (None, None))
        return rule if first is not None and first < at else None


def teachers(changes: Sequence[Change], trusted: Collection[str]) -> Teachers:
    """Learn from the changes of a repository who may decide in it, and since when.

    Where the host tells each author's association (GitHub), it is who merges: anybody may approve
    there. Where it tells none and people vote (Gerrit), it is who votes +2 or -2: authors often
    submit their own changes there. In a bare clone it is who merges.
    """
    votes = [] if _tells_association(changes) else _deciding_votes(changes)
    acts = votes or _merges(changes)
    since: dict[str, tuple[datetime, str]] = {}
    for name, at, rule in sorted(acts, key=lambda act: act[1]):
        since.setdefault(name.lower(), (at, rule))
    return Teachers(trusted, since)


def _tells_association(changes: Iterable[Change]) -> bool:
    return any(
        any(thread.association for thread in change.threads)
        or any(review.association for review in change.reviews)
        for change in changes
    )


def _merges(changes: Iterable[Change]) -> list[tuple[str, datetime, str]]:
    return [
        (change.merged_by, change.pull.merged_at, "had merged before")
        for change in changes
        if change.merged_by and change.pull.merged_at
    ]


def _deciding_votes(changes: Iterable[Change]) -> list[tuple[str, datetime, str]]:
    return [
        (review.reviewer, review.at, "had voted +2 or -2 before")
        for change in changes
        for review in change.reviews
        if abs(review.vote) == DECIDING_VOTE
    ]
