"""A closed pull request -> what people did with every remark on it. Pure.

*Acted on* is what mining calls accepted (`mining.acceptance`), tiers A to C: the suggestion was
applied; or the lines changed before the merge and the author acknowledged, or the thread was
resolved. A refusal beats C, which a change by chance and a thread closed in anger make too. Only
people with write access count. What was not merged had no chance, and is in no rate.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec

from bot.shadow import watch
from finetune.categories import categorize
from mining.acceptance import THUMBS, Evidence, judge
from mining.acknowledgement import answer_of
from mining.filters import drop_reason
from postil.marker import Marker, words_key
from postil.prompt import reveal
from postil.records import (
    Acceptance,
    Change,
    Draft,
    Finding,
    Outcome,
    PostedComment,
    PullRequest,
    Record,
    ReviewThread,
    SaidBy,
    Signal,
    SignalKind,
    Span,
    Tier,
    Verdict,
)
from postil.settings import MiningSettings

ACTED: tuple[Tier, ...] = ("A", "B", "C")
FOR: tuple[SignalKind, ...] = ("acknowledged", "liked", "resolved")
AGAINST: tuple[SignalKind, ...] = ("refused", "disliked", "hidden", "deleted")
DISLIKES = frozenset({"-1", "THUMBS_DOWN"})
NEAR = ("same lines", "nearby")
"""Decisions of `bot.shadow` by which a person spoke where we would have."""


class Signed(Record, frozen=True, kw_only=True):
    """A thread that we began, and the marker in it."""

    thread: ReviewThread
    marker: Marker


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A closed pull request, and how to find out what is not in it."""

    change: Change
    account: str
    """Our own login, without `[bot]`."""
    evidence: Callable[[ReviewThread], Evidence]
    may_write: Callable[[str], bool]
    seen_at: datetime
    """When this was read; what the host keeps no time of was done by then."""

    @property
    def pull(self) -> PullRequest:
        """The pull request."""
        return self.change.pull

    @property
    def closed_at(self) -> datetime:
        """When it was closed, by the host's clock."""
        return self.pull.closed_at or self.seen_at

    def is_us(self, login: str) -> bool:
        """Whether an account is our own."""
        return login.lower().removesuffix("[bot]") == self.account.lower()


def judge_posted(
    scene: Scene, signed: Sequence[Signed], lost: Sequence[PostedComment], drafts: Sequence[Draft]
) -> list[Outcome]:
    """Our comments that stand there, and those that somebody deleted.

    Only comments on lines are judged: a remark in a review's body has none that could change.
    """
    said = {
        (draft.head_sha, words_key(finding.message)): finding
        for draft in drafts
        for finding in draft.findings
    }
    found = []
    for one in signed:
        finding = said.get((one.marker.head_sha, one.marker.words))
        text = finding.message if finding else spoken(one.thread.body)
        outcome = _judged(scene, one.thread, "postil", one.marker.place, text)
        found.append(_with_draft(outcome, one.marker.adapter, one.marker.head_sha, finding))
    return found + [_deleted(scene, one, said.get((one.head_sha, one.words))) for one in lost]


def judge_people(scene: Scene, settings: MiningSettings) -> list[Outcome]:
    """The remarks of reviewers in the same pull request, those that mining would learn from."""
    return [
        _judged(scene, thread, "person", thread.id, thread.body)
        for thread in scene.change.threads
        if drop_reason(thread, settings) is None
        and not scene.is_us(thread.author)
        and scene.may_write(thread.author)
    ]


def judge_shadow(scene: Scene, drafts: Iterable[Draft]) -> list[Outcome]:
    """What we would have said: acted on where a reviewer spoke there, or the lines changed later.

    Nobody could answer or resolve it, so a change alone counts; that is easier than what is asked
    of a comment, and never put together with it.
    """
    found = []
    for one in watch(scene.pull.repo, drafts, {scene.pull.number: scene.change}).watched:
        thread = _as_thread(scene, one.head_sha, one.finding)
        changed = scene.evidence(thread)
        signals = _of_code(scene, thread, changed.suggestion_applied, changed.lines_changed)
        spoke = next((t for t in scene.change.threads if one.url and t.url == one.url), None)
        if one.decision in NEAR and spoke is not None:
            signals.append(_by(scene, "remarked there", spoke.author, spoke.created_at))
        heeded = any(signal.counts for signal in signals)
        outcome = _outcome(
            scene, thread, "shadow", f"{one.head_sha}:{words_key(one.finding.message)}"
        )
        outcome = msgspec.structs.replace(
            outcome,
            category=categorize(one.finding.message),
            signals=tuple(signals),
            verdict=_verdict(scene, heeded, against=False),
        )
        adapter = next(d.adapter for d in drafts if d.head_sha == one.head_sha)
        found.append(_with_draft(outcome, adapter, one.head_sha, one.finding))
    return found


def spoken(body: str) -> str:
    """The words of a comment of ours, without its links and markers."""
    lines = [
        line.removeprefix("> ")
        for line in body.partition("<!-- postil:")[0].splitlines()
        if not line.startswith(("Resembles what was accepted", "Quoted from "))
    ]
    return "\n".join(lines).strip()


def _judged(scene: Scene, thread: ReviewThread, said_by: SaidBy, key: str, text: str) -> Outcome:
    """One thread, on the word of those who may write alone."""
    heard = _heard(scene, thread)
    evidence = scene.evidence(thread)
    accepted = judge(heard, scene.pull, evidence)
    signals = _signals(scene, thread, accepted)
    against = any(one.kind in AGAINST and one.counts for one in signals)
    heeded = accepted.tier in ACTED and not (against and accepted.tier == "C")
    return msgspec.structs.replace(
        _outcome(scene, thread, said_by, key),
        category=categorize(text),
        signals=tuple(signals),
        tier=accepted.tier,
        verdict=_verdict(scene, heeded, against),
        decided_by=_decider(scene, signals, heeded),
    )


def _heard(scene: Scene, thread: ReviewThread) -> ReviewThread:
    """The thread without what strangers, programs and we ourselves did in it."""
    resolver = thread.resolved_by
    resolved = thread.resolved
    if resolved and resolver and not _has_word(scene, resolver):
        resolved = None
    return msgspec.structs.replace(
        thread,
        replies=tuple(r for r in thread.replies if _has_word(scene, r.author)),
        reactions=tuple(r for r in thread.reactions if _has_word(scene, r.author)),
        resolved=resolved,
    )


def _has_word(scene: Scene, login: str) -> bool:
    return not scene.is_us(login) and scene.may_write(login)


def _signals(scene: Scene, thread: ReviewThread, accepted: Acceptance) -> list[Signal]:
    """Everything that was done, by whoever did it, in no order of importance."""
    signals = _of_code(scene, thread, accepted.suggestion_applied, accepted.lines_changed)
    if thread.resolved and not scene.is_us(thread.resolved_by):
        signals.append(_by(scene, "resolved", thread.resolved_by, None))
    if thread.hidden:
        signals.append(Signal(kind="hidden", at=scene.seen_at, exact=False))
    for reaction in thread.reactions:
        if reaction.content in THUMBS:
            signals.append(_by(scene, "liked", reaction.author, reaction.at))
        if reaction.content in DISLIKES:
            signals.append(_by(scene, "disliked", reaction.author, reaction.at))
    return signals + _answers(scene, thread)


def _answers(scene: Scene, thread: ReviewThread) -> list[Signal]:
    """The last yes or no of each person who answered; where somebody turned, only that counts."""
    last: dict[str, Signal] = {}
    for reply in thread.replies:
        answer = answer_of(reply.body)
        if answer is not None and reply.author_kind != "bot" and not scene.is_us(reply.author):
            kind: SignalKind = "acknowledged" if answer else "refused"
            last[reply.author] = _by(scene, kind, reply.author, reply.created_at)
    return list(last.values())


def _of_code(
    scene: Scene, thread: ReviewThread, applied: bool | None, changed: bool | None
) -> list[Signal]:
    """What git shows; it counts for whoever's it is, as somebody who may write merged it.

    A last push from before the remark is a commit's own date, which can be anything.
    """
    pushed = scene.pull.revisions[-1].pushed_at
    at = pushed if pushed and pushed >= thread.created_at else scene.closed_at
    kinds: tuple[tuple[SignalKind, bool | None], ...] = (
        ("suggestion applied", applied),
        ("lines changed", changed),
    )
    by = scene.pull.author
    return [Signal(kind=k, at=at, exact=False, by=by) for k, told in kinds if told]


def _by(scene: Scene, kind: SignalKind, login: str, at: datetime | None) -> Signal:
    counts = _has_word(scene, login) if login else kind == "resolved"
    when = at or scene.seen_at
    return Signal(kind=kind, at=when, exact=at is not None, by=login, counts=counts)


def _verdict(scene: Scene, heeded: bool, against: bool) -> Verdict:
    if scene.pull.merged_at is None:
        return "not merged"
    if heeded:
        return "acted on"
    return "refused" if against else "passed over"


def _decider(scene: Scene, signals: Sequence[Signal], heeded: bool) -> str:
    """Whose word the verdict is: who said so, else the author of the code or, where that is a
    stranger or nothing was done, who merged it."""
    wanted = FOR if heeded else AGAINST
    told = [one.by for one in signals if one.counts and one.by and one.kind in wanted]
    if told:
        return told[-1]
    author = scene.pull.author
    return author if heeded and scene.may_write(author) else _merger(scene)


def _merger(scene: Scene) -> str:
    return scene.change.merged_by or scene.pull.author


def _outcome(scene: Scene, thread: ReviewThread, said_by: SaidBy, key: str) -> Outcome:
    """What is known of a remark before it is judged."""
    return Outcome(
        repo=scene.pull.repo,
        pull=scene.pull.number,
        key=key,
        said_by=said_by,
        head_sha=thread.revision,
        path=reveal(thread.span.path),
        line=thread.span.end,
        category="other",
        url=thread.url,
        said_at=thread.created_at,
        closed_at=scene.closed_at,
        verdict="passed over",
    )


def _with_draft(outcome: Outcome, adapter: str, head_sha: str, finding: Finding | None) -> Outcome:
    """What the draft knows besides: how probable it was, and what it resembled."""
    return msgspec.structs.replace(
        outcome,
        adapter=adapter,
        head_sha=head_sha,
        score=finding.score if finding else None,
        echoes=finding.resembles[0].url if finding and finding.resembles else "",
    )


def _deleted(scene: Scene, lost: PostedComment, finding: Finding | None) -> Outcome:
    """A comment that the summary still knows of and that stands nowhere any more."""
    gone = Signal(kind="deleted", at=scene.seen_at, exact=False)
    thread = _as_thread(scene, lost.head_sha, finding)
    outcome = msgspec.structs.replace(
        _outcome(scene, thread, "postil", lost.place),
        category=categorize(finding.message) if finding else "other",
        signals=(gone,),
        verdict=_verdict(scene, heeded=False, against=True),
        decided_by=_merger(scene),
    )
    return _with_draft(outcome, lost.adapter, lost.head_sha, finding)


def _as_thread(scene: Scene, head_sha: str, finding: Finding | None) -> ReviewThread:
    """A remark of ours that has no thread, in the place where it would be or was."""
    return ReviewThread(
        id="",
        repo=scene.pull.repo,
        pull=scene.pull.number,
        revision=head_sha,
        span=finding.span if finding else Span(path="", side="RIGHT", start=1, end=1),
        author=scene.account,
        author_kind="bot",
        body=finding.message if finding else "",
        created_at=scene.closed_at,
        suggestion=finding.suggestion if finding else None,
        url="",
    )
