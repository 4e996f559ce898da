"""Which adapter reviews; one model at a time; what is said and what is left out."""

import os
from pathlib import Path

import msgspec
import pytest

from bot.hosts import PullHead
from bot.model.opening import NO_ADAPTER, find_adapter, in_canary
from bot.model.process import ModelProcess
from bot.outcomes.tuned import TunedKind, Tuning
from bot.reviewers import AdapterReviewer, reviewer_factory
from finetune.categories import categorize
from postil.errors import AdapterError
from postil.marker import read_marker
from postil.records import PostedComment
from postil.settings import ReviewSettings, Settings
from tests.bot.fake_pulls import DIFF, HEAD, KEY, REPO
from tests.bot.stub_model import stub_info

PULL = PullHead(
    repo=REPO,
    number=7,
    head_sha=HEAD,
    base_sha="0" * 40,
    title="Name the prices",
    author="ada",
    draft=False,
    state="open",
)


class Bench:
    """A home with two promoted repositories, and the processes that were opened for them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.opened: list[Path] = []
        self.processes: list[ModelProcess] = []
        self.promote(REPO, "one")
        self.reader = AdapterReviewer(ReviewSettings(), home, self.open, KEY)

    def promote(self, repo: str, name: str) -> Path:
        """As the registry leaves it; the card is not read by the stub."""
        folder = self.home / "adapters" / repo / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "card.json").touch()
        (folder.parent / "current").write_text(name)
        return folder

    def open(self, folder: Path, *, repo: str = "") -> ModelProcess:
        self.opened.append(folder)
        info = msgspec.structs.replace(stub_info(), adapter=folder.name)
        spec = {"rule:sum(": "Sum it elsewhere."}
        process = ModelProcess(info, "tests.bot.stub_model:load", lambda: spec, os.environ)
        self.processes.append(process)
        return process


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_promoted_adapter_of_the_repository_reviews(bench: Bench) -> None:
    draft = bench.reader.review(PULL, DIFF)
    assert (draft.adapter, draft.head_sha, draft.pull) == ("one", HEAD, 7)
    assert [finding.message for finding in draft.findings] == ["Sum it elsewhere."]
    bench.reader.review(PULL, DIFF)
    assert len(bench.opened) == 1
    bench.reader.close()
    assert bench.processes[0].pid is None


def test_what_outcomes_muted_is_not_said_by_this_adapter_here(bench: Bench) -> None:
    (finding,) = bench.reader.review(PULL, DIFF).findings
    kind: str = categorize(finding.message)
    kinds = {kind: TunedKind(threshold=None, reason="muted: x")}
    path = bench.home / "tuning" / REPO / "one.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(msgspec.json.encode(Tuning(repo=REPO, adapter="one", kinds=kinds)))
    muted = bench.reader.review(PULL, DIFF)
    assert (muted.findings, muted.silenced) == ((), {"muted: x": 1})
    assert sum(muted.chances) == muted.windows > 0
    bench.promote(REPO, "two")
    assert len(bench.reader.review(PULL, DIFF).findings) == 1
    bench.promote("team/else", "one")
    elsewhere = msgspec.structs.replace(PULL, repo="team/else")
    assert len(bench.reader.review(elsewhere, DIFF).findings) == 1
    bench.reader.close()


def test_a_newly_promoted_adapter_takes_the_place_of_the_old_one(bench: Bench) -> None:
    bench.reader.review(PULL, DIFF)
    bench.promote(REPO, "two")
    assert bench.reader.review(PULL, DIFF).adapter == "two"
    assert bench.processes[0].pid is None and bench.processes[1].pid is not None
    bench.reader.close()


def test_a_promotion_of_the_same_adapter_is_heard(bench: Bench) -> None:
    bench.reader.review(PULL, DIFF)
    card = bench.home / "adapters" / REPO / "one" / "card.json"
    aside = card.with_name("aside")
    aside.touch()
    aside.replace(card)
    bench.reader.review(PULL, DIFF)
    assert len(bench.opened) == 2 and bench.processes[0].pid is None
    bench.reader.close()


def test_a_share_of_the_pull_requests_is_always_the_candidates(bench: Bench) -> None:
    chosen = [number for number in range(1000) if in_canary(REPO, number, 0.1)]
    assert 70 <= len(chosen) <= 130
    assert chosen == [number for number in range(1000) if in_canary(REPO.upper(), number, 0.1)]
    assert chosen != [number for number in range(1000) if in_canary("team/other", number, 0.1)]
    more = {number for number in range(1000) if in_canary(REPO, number, 0.2)}
    assert more > set(chosen), "a larger share keeps those it had"
    assert not any(in_canary(REPO, number, 0.0) for number in range(1000))


def test_the_candidate_reviews_its_share_and_the_current_one_the_rest(bench: Bench) -> None:
    bench.promote(REPO, "two")
    bench.promote(REPO, "one")
    (bench.home / "adapters" / REPO / "candidate").write_text("two")
    reader = AdapterReviewer(ReviewSettings(canary=0.1), bench.home, bench.open, KEY)
    inside = next(number for number in range(1000) if in_canary(REPO, number, 0.1))
    outside = next(number for number in range(1000) if not in_canary(REPO, number, 0.1))
    for number, adapter in ((outside, "one"), (inside, "two"), (outside, "one"), (inside, "two")):
        pull = msgspec.structs.replace(PULL, number=number)
        assert reader.review(pull, DIFF).adapter == adapter
        assert reader.adapter_of(REPO, number) == adapter
    assert reader.read(REPO, DIFF).adapter == "one", "no pull request, no share"
    (bench.home / "adapters" / REPO / "two" / "card.json").unlink()
    assert reader.adapter_of(REPO, inside) == "one", "a candidate that is gone is left out"
    reader.close()


def test_without_a_share_in_the_settings_a_candidate_reviews_nothing(bench: Bench) -> None:
    bench.promote(REPO, "two")
    bench.promote(REPO, "one")
    (bench.home / "adapters" / REPO / "candidate").write_text("two")
    assert {bench.reader.adapter_of(REPO, number) for number in range(50)} == {"one"}


def test_a_repository_chooses_an_adapter_that_its_owner_pooled(bench: Bench) -> None:
    bench.promote("team/+org", "pooled")
    own = ReviewSettings(adapter="org")
    assert bench.reader.adapter_of(REPO) == "one"
    assert bench.reader.adapter_of(REPO, 7, own) == "pooled"
    assert bench.reader.adapter_of("team/other", 7, own) == "pooled"
    assert bench.reader.adapter_of("strangers/shop", 7, own) == "", "of no other owner"
    draft = bench.reader.review(msgspec.structs.replace(PULL, settings=own), DIFF)
    assert draft.adapter == "pooled"
    bench.reader.close()


def test_a_repository_without_an_adapter_is_read_by_nobody(bench: Bench) -> None:
    other = msgspec.structs.replace(PULL, repo="team/other")
    draft = bench.reader.review(other, DIFF)
    assert draft.skipped == {"shop/cart.py": NO_ADAPTER} and draft.findings == ()
    assert bench.reader.say(other, DIFF, draft, ()) is None
    assert bench.opened == []


def test_what_was_said_at_a_place_is_not_said_again(bench: Bench) -> None:
    draft = bench.reader.review(PULL, DIFF)
    text = bench.reader.say(PULL, DIFF, draft, ())
    assert text is not None
    marker = read_marker(text.comments[0].body, KEY)
    assert marker is not None
    earlier = PostedComment(
        place=marker.place,
        fingerprint="x",
        comment_id=1,
        url="https://example.org",
        head_sha=HEAD,
        adapter="zero",
    )
    assert bench.reader.say(PULL, DIFF, draft, [earlier]) is None
    bench.reader.close()


def test_an_adapter_is_found_by_folder_digest_or_promotion(bench: Bench) -> None:
    one = bench.home / "adapters" / REPO / "one"
    assert find_adapter(bench.home, REPO) == one
    assert find_adapter(bench.home, REPO, "on") == one
    assert find_adapter(bench.home, "", str(one)) == one
    assert find_adapter(bench.home, "") is None
    for repo, name in ((REPO, "x/y"), ("", "on"), (REPO, "zero")):
        with pytest.raises(AdapterError):
            find_adapter(bench.home, repo, name)


def test_the_doors_get_a_reviewer_without_loading_anything(tmp_path: Path) -> None:
    reviewer = reviewer_factory(Settings(), tmp_path, {})(KEY)
    assert reviewer.review(PULL, DIFF).skipped == {"shop/cart.py": NO_ADAPTER}
    reviewer.close()
