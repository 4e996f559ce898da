"""What would have been said, held against what people then said there. Pure.

A draft that was never posted is compared with the threads of its pull request: those that people
began on the very head it was made of stand on the same lines, so that lines can be compared; of
other heads only the file is.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, get_args

import msgspec

from mining.acknowledgement import answer_of
from postil.prompt import reveal
from postil.records import Change, Draft, Finding, Record, ReviewThread

NEAR = 5
"""Lines between a remark and ours that still count as the same spot."""

Decision = Literal["same lines", "nearby", "same file", "silence", "open", "not mined"]
"""What people did: remarked there, near it, elsewhere in the file, or nowhere in it."""
ORDER: tuple[Decision, ...] = get_args(Decision)


class Watched(Record, frozen=True, kw_only=True):
    """One remark that was held back, and what became of its spot.

    `heeded`: the author of the change acknowledged the reviewer's remark; None where nobody said.
    """

    repo: str
    pull: int
    head_sha: str
    finding: Finding
    decision: Decision
    url: str = ""
    heeded: bool | None = None


class ShadowReport(Record, frozen=True, kw_only=True):
    """All that was watched for a repository. `heads` counts drafts, the silent ones included."""

    version: int = msgspec.field(name="schema", default=1)
    repo: str
    heads: int
    watched: tuple[Watched, ...]

    @property
    def decisions(self) -> dict[Decision, int]:
        """How many were decided how."""
        counted = Counter(one.decision for one in self.watched)
        return {kind: counted[kind] for kind in ORDER}


def watch(repo: str, drafts: Iterable[Draft], changes: Mapping[int, Change]) -> ShadowReport:
    """Compare drafts with the changes of the store, by number; the newest pull requests last.

    Of several heads of one pull request, a remark counts once: as the first that was made.
    """
    found: list[Watched] = []
    heads = 0
    for draft in sorted(drafts, key=lambda one: one.pull):
        heads += 1
        change = changes.get(draft.pull)
        known = {(one.pull, one.finding.span.path, one.finding.message) for one in found}
        found += [
            _decide(draft, finding, change)
            for finding in draft.findings
            if (draft.pull, finding.span.path, finding.message) not in known
        ]
    return ShadowReport(repo=repo, heads=heads, watched=tuple(found))


def _decide(draft: Draft, finding: Finding, change: Change | None) -> Watched:
    decision, thread = _found(draft, finding, change)
    answers = [answer_of(reply.body) for reply in thread.replies] if thread else []
    said = [answer for answer in answers if answer is not None]
    return Watched(
        repo=draft.repo,
        pull=draft.pull,
        head_sha=draft.head_sha,
        finding=finding,
        decision=decision,
        url=thread.url if thread else "",
        heeded=said[-1] if said else (thread.resolved if thread else None),
    )


def _found(
    draft: Draft, finding: Finding, change: Change | None
) -> tuple[Decision, ReviewThread | None]:
    """The nearest thread of a reviewer, and how near it is."""
    if change is None:
        return "not mined", None
    threads = [
        thread
        for thread in change.threads
        if thread.author_kind == "person"
        and thread.author != change.pull.author
        and thread.span.path == finding.span.path
    ]
    near = [(gap, t) for t in threads if (gap := _gap(draft, finding, t)) is not None]
    if near:
        gap, thread = min(near, key=lambda pair: pair[0])
        return ("nearby" if gap else "same lines"), thread
    if threads:
        return "same file", threads[0]
    return ("open" if change.pull.state == "open" else "silence"), None


def _gap(draft: Draft, finding: Finding, thread: ReviewThread) -> int | None:
    """Lines between the two, 0 where they overlap; None where that is too far or unknown."""
    ours, theirs = finding.span, thread.span
    if thread.revision != draft.head_sha or ours.side != theirs.side:
        return None
    gap = max(0, ours.start - theirs.end, theirs.start - ours.end)
    return gap if gap <= NEAR else None


def render_report(report: ShadowReport, shown: Sequence[Decision] = ORDER) -> str:
    """The report for a terminal: the figures, then every remark."""
    counts = report.decisions
    decided = sum(counts[kind] for kind in ("same lines", "nearby", "same file", "silence"))
    hits = counts["same lines"] + counts["nearby"]
    lines = [
        f"{report.repo}: {len(report.watched)} remarks held back on {report.heads} heads",
        "; ".join(f"{kind} {counts[kind]}" for kind in shown),
    ]
    if decided:
        lines.append(
            f"of {decided} decided, reviewers spoke there on {hits} ({hits / decided:.0%})"
        )
    for one in report.watched:
        span = one.finding.span
        first = reveal(one.finding.message).split("\n")[0]
        heeded = {True: ", heeded", False: ", refused", None: ""}[one.heeded]
        lines += ["", f"#{one.pull} {reveal(span.path)}:{span.end} [{one.decision}{heeded}]"]
        lines += [f"    would have said ({one.finding.score:.2f}): {first}"]
        lines += [f"    they said: {reveal(one.url)}"] if one.url else []
    return "\n".join(lines)
