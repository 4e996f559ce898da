"""Words of acknowledgement. The replies are real ones, of git-repo and secp256k1."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mining.acknowledgement import acknowledges, answer_of

REVIEWS = Path(__file__).parents[2] / "../shared/data/reviews"

YES = """
Done
done.
fixed
Fix applied.
Good catch!  Fixed.
Added a comment, the git config call returns string with '\\n' so that's what we needed.
Thanks! [Updated](https://example.org/pull/1113#issuecomment-1396093991).
[Removed](https://example.org/pull/1367#issuecomment-1613474621).
Ah, yeah, that's a good point.
Great feedback, thanks and agree, done!
I made an assumption about format strings. But this makes sense. I will change it.
Agreed again. Will change.
OK.  I'll drop that option from the code.
removed the file and the mention of extrakeys
This is correct - sorry I overlooked this. Will add fix and test.
@apoelstra should be fixed in the latest commit.
I've switched to BIP340-style tagged hashes for domain separation now.
It has now been dropped.
Yeah, done.
Nope, removed in next patch set.
No, will remove.
You’re right.
ack
Acknowledged
Thanks!
sure
Indeed.
Right
+1
👍
sgtm
> could you rename it?

Done
""".strip()

NO = """
Not done, it would break the other caller.
Won't fix, the format is given.
I don't think this would work the same way.
That's unrelated to the fix here, so I would prefer not to include it.
No, seckey is equal to order.
As we had discussed in chat. Will leave it as is. Thanks.
Let's keep it consistent for now with the other examples.
This is done on purpose, see the commit message.
I disagree, shorter is better here.
nope
""".strip()

NEITHER = """
Done?
Fixed-size arrays are slow here.
It's used by the launcher.
Why would it fail if the message contains a `%` sign?
Yes, but the caller needs it.
The function uses the test vectors from the BIP as indicated by its name.
It's a folder. It used to be hidden, to make it less visible inside the repository.
> Done.
```
done
```
i'm not sure how that differs from the loop above ?
""".strip()


def replies(text: str) -> list[str]:
    """One a line; a line that begins a quote or a fence goes with those after it."""
    if "```" in text:
        text, fence, rest = text.partition("```\n")
        block, _, after = rest.partition("```\n")
        return [*text.splitlines(), f"{fence}{block}```", *after.splitlines()]
    head, mark, tail = text.partition("\n> ")
    return [*head.splitlines(), *([f"> {tail}"] if mark else [])]


@pytest.mark.parametrize("reply", replies(YES))
def test_an_acknowledgement_is_heard(reply: str) -> None:
    assert acknowledges(reply)


@pytest.mark.parametrize("reply", replies(NO))
def test_a_refusal_is_heard(reply: str) -> None:
    assert answer_of(reply) is False


@pytest.mark.parametrize("reply", replies(NEITHER))
def test_a_question_or_an_explanation_is_neither(reply: str) -> None:
    assert answer_of(reply) is None


@pytest.mark.parametrize("piece", ["very good point, ", "[", "![", "`", "> ", "```\n", "<!--", "."])
def test_a_hostile_reply_costs_no_time(piece: str) -> None:
    answer_of(piece * (65536 // len(piece)))  # GitHub's longest comment; took hours if it hung


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    assert answer_of(text) in (True, False, None)


@pytest.mark.skipif(not REVIEWS.exists(), reason="the shared review samples are not here")
@pytest.mark.parametrize(("repository", "gap"), [("git-repo", 0.25), ("secp256k1", 0.2)])
def test_lines_change_more_often_under_an_acknowledgement(repository: str, gap: float) -> None:
    changed: dict[bool, list[bool]] = {True: [], False: []}
    with gzip.open(REVIEWS / f"{repository}.jsonl.gz") as file:
        for record in map(json.loads, file):
            own = [reply["body"] for reply in record["replies"] if reply["is_pr_author"]]
            if own and (after := record["after"].get("changed")) is not None:
                changed[any(map(acknowledges, own))].append(after)
    heard, unheard = (sum(part) / len(part) for part in (changed[True], changed[False]))
    assert heard > unheard + gap
