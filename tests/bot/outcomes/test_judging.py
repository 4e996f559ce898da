"""A closed pull request -> what people did with every remark, on the word of writers alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.outcomes.judging import judge_people, judge_posted, judge_shadow, spoken
from mining.acceptance import Evidence
from postil.records import AuthorKind, Outcome, PostedComment, Reaction, Reply, Verdict
from postil.settings import MiningSettings
from tests.bot.outcomes.builders import HEAD, MESSAGE, closed, draft, ours, scene
from tests.mining.builders import day, make_thread

CHANGED = Evidence(lines_changed=True)
APPLIED = Evidence(lines_changed=True, suggestion_applied=True)


def reply(body: str, who: str = "author", at: float = 1.3) -> Reply:
    kind: AuthorKind = "self" if who == "author" else "person"
    return Reply(author=who, author_kind=kind, created_at=day(at), body=body)


def judged(
    evidence: Evidence | None = None, pull: dict[str, Any] | None = None, **more: Any
) -> Outcome:
    one = ours(**more)
    (outcome,) = judge_posted(scene(closed(one.thread, **(pull or {})), evidence), [one], [], [])
    return outcome


DONE, NO = reply("Done."), reply("No, this is wrong.")


@pytest.mark.parametrize(
    ("evidence", "more", "verdict", "tier"),
    [
        (APPLIED, {}, "acted on", "A"),
        (CHANGED, {"replies": (DONE,)}, "acted on", "B"),
        (CHANGED, {"resolved": True, "resolved_by": "ann"}, "acted on", "C"),
        (CHANGED, {}, "passed over", "D"),
        (None, {"replies": (DONE,)}, "passed over", "D"),
        (None, {}, "passed over", None),
        (None, {"replies": (NO,)}, "refused", None),
        (None, {"replies": (reply("No, this is wrong.", "ann"),)}, "refused", None),
        (None, {"reactions": (Reaction(author="ann", content="THUMBS_DOWN"),)}, "refused", None),
        (None, {"reactions": (Reaction(author="ann", content="-1"),)}, "refused", None),
        (None, {"hidden": True}, "refused", None),
        (CHANGED, {"replies": (NO,), "resolved": True, "resolved_by": "ann"}, "refused", "C"),
        (APPLIED, {"replies": (NO,)}, "acted on", "A"),
        (CHANGED, {"replies": (NO, reply("Right, fixed.", at=1.4))}, "acted on", "B"),
    ],
)
def test_a_comment_is_acted_on_by_the_tiers_of_mining(
    evidence: Evidence | None, more: dict[str, Any], verdict: Verdict, tier: str | None
) -> None:
    outcome = judged(evidence, **more)
    assert (outcome.verdict, outcome.tier) == (verdict, tier)


@pytest.mark.parametrize(
    "more",
    [
        {"replies": (reply("No, this is wrong.", "sid"),)},
        {"reactions": (Reaction(author="sid", content="-1", at=day(1.4)),)},
        {"reactions": (Reaction(author="sid", content="THUMBS_UP", at=day(1.4)),)},
        {"resolved": True, "resolved_by": "sid"},
    ],
)
def test_what_a_stranger_does_is_kept_and_counts_for_nothing(more: dict[str, Any]) -> None:
    alone, beside = judged(CHANGED), judged(CHANGED, **more)
    assert (beside.verdict, beside.tier, beside.decided_by) == (
        alone.verdict,
        alone.tier,
        alone.decided_by,
    )
    (strange,) = [one for one in beside.signals if one.by == "sid"]
    assert not strange.counts


def test_what_we_did_ourselves_is_no_signal() -> None:
    """We resolve a thread whose lines are gone; nobody acted on anything by that."""
    outcome = judged(CHANGED, resolved=True, resolved_by="postil[bot]")
    assert outcome.verdict == "passed over"
    assert [one.kind for one in outcome.signals] == ["lines changed"]


def test_what_was_not_merged_had_no_chance() -> None:
    outcome = judged(None, {"merged_at": None, "state": "closed"}, replies=(NO,))
    assert outcome.verdict == "not merged"


def test_every_signal_has_its_time() -> None:
    outcome = judged(
        CHANGED,
        resolved=True,
        resolved_by="ann",
        replies=(DONE,),
        reactions=(Reaction(author="ann", content="heart", at=day(1.45)),),
    )
    times = {one.kind: (one.at, one.exact) for one in outcome.signals}
    assert times == {
        "lines changed": (day(1.5), False),
        "resolved": (day(3), False),
        "liked": (day(1.45), True),
        "acknowledged": (day(1.3), True),
    }
    assert outcome.closed_at == day(1.9)


def test_a_decision_is_of_who_spoke_else_of_who_merged() -> None:
    assert judged(CHANGED, replies=(DONE,)).decided_by == "author"
    assert judged(None, replies=(reply("No, this is wrong.", "ann"),)).decided_by == "ann"
    assert judged().decided_by == "mia"
    stranger = {"author": "sid"}
    assert judged(APPLIED, stranger).decided_by == "mia"


def test_a_deleted_comment_is_refused() -> None:
    lost = PostedComment(
        said_in="summary",
        place="place-9",
        fingerprint="f",
        comment_id=1,
        url="",
        head_sha=HEAD,
        adapter="one",
        text="t",
        words="w",
    )
    (outcome,) = judge_posted(scene(closed()), [], [lost], [])
    assert (outcome.verdict, outcome.key) == ("refused", "place-9")
    assert [(one.kind, one.exact) for one in outcome.signals] == [("deleted", False)]


def test_the_draft_tells_how_probable_a_comment_was() -> None:
    one = ours()
    (outcome,) = judge_posted(scene(closed(one.thread)), [one], [], [draft(MESSAGE)])
    assert (outcome.score, outcome.category, outcome.adapter) == (0.7, "naming", "one")


def test_people_are_judged_alike_and_their_names_count() -> None:
    heeded = make_thread(HEAD, 8, replies=(DONE,))
    strange = make_thread(HEAD, 9, author="sid")
    praise = make_thread(HEAD, 10, body="Nice!")
    change = closed(ours().thread, heeded, strange, praise)
    (outcome,) = judge_people(scene(change, CHANGED), MiningSettings())
    assert (outcome.key, outcome.verdict, outcome.said_by) == ("t8", "acted on", "person")


def test_in_shadow_a_spot_counts_where_a_reviewer_spoke_or_the_lines_changed() -> None:
    there = make_thread(HEAD, 5, url="https://example.org/5")
    drafts = [draft("Please rename this variable.")]
    (remarked,) = judge_shadow(scene(closed(there)), drafts)
    assert remarked.verdict == "acted on"
    assert [one.kind for one in remarked.signals] == ["remarked there"]
    (changed,) = judge_shadow(scene(closed(), CHANGED), drafts)
    assert [one.kind for one in changed.signals] == ["lines changed"]
    assert changed.verdict == "acted on"
    (silent,) = judge_shadow(scene(closed()), drafts)
    assert (silent.verdict, silent.said_by) == ("passed over", "shadow")
    strange = make_thread(HEAD, 5, author="sid", url="https://example.org/5")
    assert judge_shadow(scene(closed(strange)), drafts)[0].verdict == "passed over"


def test_the_words_of_a_comment_are_read_without_links_and_marker() -> None:
    body = "> Rename it.\n\nQuoted from [pull request 3](<https://x>), …\n\n<!-- postil:1 x y -->"
    assert spoken(body) == "Rename it."


STRANGE = st.one_of(
    st.sampled_from(["No, this is wrong.", "Done.", "Good catch!", "Why?"]).map(
        lambda body: {"replies": (reply(body, "sid"),)}
    ),
    st.sampled_from(["-1", "THUMBS_DOWN", "heart", "+1"]).map(
        lambda content: {"reactions": (Reaction(author="sid", content=content, at=day(1.2)),)}
    ),
    st.just({"resolved": True, "resolved_by": "sid"}),
)
CODE = st.builds(
    Evidence,
    lines_changed=st.sampled_from([True, False, None]),
    suggestion_applied=st.sampled_from([True, False, None]),
)


@given(CODE, STRANGE, st.sampled_from(["author", "zoe"]))
def test_whatever_a_stranger_does_nothing_changes(
    evidence: Evidence, strange: dict[str, Any], author: str
) -> None:
    pull = {"author": author}
    alone, beside = judged(evidence, pull), judged(evidence, pull, **strange)
    assert (alone.verdict, alone.tier, alone.decided_by) == (
        beside.verdict,
        beside.tier,
        beside.decided_by,
    )
