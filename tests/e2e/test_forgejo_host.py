"""Our own review on a real Forgejo: on the right lines, never twice, settled, seen in a browser."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import requests

from bot.hosts import LineComment, PullHead, ReviewText, review_marker
from bot.hosts.forgejo import ForgejoPulls
from bot.hosts.git_change import diff_from_git
from bot.saying.comment import Wording, write_review
from bot.saying.earlier import look_back
from bot.saying.posting import Standing, post_draft
from bot.saying.sanitize import sanitize
from bot.saying.summary import write_summary
from postil.diff import FileDiff, parse_diff
from postil.errors import HostingError
from postil.marker import render_marker
from postil.records import Draft, Finding, PostedComment, Span
from tests.bot.payloads import PAYLOADS
from tests.bot.test_harmless import generated
from tests.bot.tiny_home import make_home
from tests.chromium import chromium
from tests.e2e.forgejo_work import API, KEY, REPO, Work, numbered, open_pulls
from tests.forgejo import Forgejo as Server
from tests.forgejo import harbour

pytestmark = pytest.mark.slow

ACTS = re.compile(r'<img|class="mention"|<a [^>]*href="(?!#)|<script|class="[^"]*ref-issue')
"""What of Forgejo's own HTML would call somebody, load something or lead away."""
SHOTS = Path(__file__).parents[2] / "build" / "forgejo"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Mia owns the repository, Olga opens pull requests, `postil` is us; Sid may only look."""
    with harbour("olga", "postil", "sid", writers=("olga", "postil")) as server:
        yield server


def find(files: Sequence[FileDiff]) -> list[Finding]:
    """A remark on every added line that prints."""
    return [
        Finding(
            span=Span(path=file.path, side="RIGHT", start=line.new, end=line.new),
            message=f"Log this instead of printing it, please, @mia: `{line.text.strip()}`.",
            score=0.9,
        )
        for file in files
        for hunk in file.hunks
        for line in hunk.lines
        if line.kind == "+" and line.new and "print(" in line.text
    ]


def review(pulls: ForgejoPulls, number: int) -> str:
    """What a door does."""
    head, diff = pulls.read_pull(number), pulls.read_diff(number)
    files = parse_diff(diff)
    draft = Draft(
        repo=REPO,
        pull=number,
        head_sha=head.head_sha,
        adapter="0123456789abcdef",
        findings=tuple(find(files)),
        reviewed=tuple(file.path for file in files),
        skipped={},
        windows=3,
        threshold=0.5,
    )
    return post_draft(pulls, head, diff, draft, say, sum_up, KEY)


def say(
    head: PullHead, diff: str, draft: Draft, earlier: Sequence[PostedComment]
) -> ReviewText | None:
    files = parse_diff(diff)
    before = look_back(earlier, files, REPO, head.number)
    return write_review(draft, files, before, KEY, Wording(opened=head.created_at))


def sum_up(_head: PullHead, draft: Draft, standing: Standing) -> str:
    return write_summary(draft, standing)


@pytest.fixture
def work(server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Work:
    name = "".join(c for c in request.node.name if c.isalnum())[:30]
    return Work(server, tmp_path, name)


def test_a_review_stands_on_its_lines_and_nothing_is_said_twice(server: Server, work: Work) -> None:
    pulls = open_pulls(server)
    work.push(numbered(l5="print(5)", l20="print(20)"))
    assert review(pulls, work.number) == "posted one review with 2 line comments"
    first = work.comments()
    assert sorted(one["position"] for one in first) == [5, 20]
    assert {one["path"] for one in first} == {f"{work.branch}.py"}
    assert len({one["pull_request_review_id"] for one in first}) == 1
    (summary,) = work.summaries()
    assert "2 new remarks" in summary["body"]

    assert review(pulls, work.number) == "this head was reviewed before"
    shoot(server, work, "1-first")

    work.push(numbered(l5="print(5)", l20="print(20)", l30="print(30)"))
    assert review(pulls, work.number) == "posted one review with 1 line comment"

    moved = "import logging\n\n" + numbered(l5="print(5)", l20="log(20)", l30="print(30)")
    work.push(moved, "--force")
    assert review(pulls, work.number) == "nothing new to say; 1 settled"
    assert review(pulls, work.number) == "this head was reviewed before"

    comments = work.comments()
    assert len(comments) == 3 and len(work.summaries()) == 1
    settled = [one for one in comments if "*Settled: the lines" in one["body"]]
    assert ["print(20)" in one["body"] for one in settled] == [True]
    assert (
        "nothing new to remark on, 2 earlier remarks open, 1 settled"
        in (work.summaries()[0]["body"])
    )
    shoot(server, work, "2-pushed")
    pulls.close()


def test_what_a_person_refused_is_not_said_again(server: Server, work: Work) -> None:
    pulls = open_pulls(server)
    work.push(numbered(l5="print(5)", l20="print(20)", l30="print(30)"))
    review(pulls, work.number)
    five, twenty, _ = sorted(work.comments(), key=lambda one: one["position"])
    reaction = f"{API}/issues/comments/{five['id']}/reactions"
    server.call("olga", "POST", reaction, {"content": "-1"})
    reply = {"path": twenty["path"], "new_position": 20, "body": "Won't fix: on purpose."}
    said = {"event": "COMMENT", "commit_id": twenty["commit_id"], "comments": [reply]}
    server.call("olga", "POST", f"{API}/pulls/{work.number}/reviews", said)
    dismissed = [one for one in pulls.our_comments(work.number) if one.dismissed]
    assert {one.comment_id for one in dismissed} == {five["id"], twenty["id"]}
    work.push("".join(f"{n}\n" for n in range(5)) + "print(20)\nx\nprint(5)\n", "--force")
    assert review(pulls, work.number).startswith("nothing new to say")
    pulls.close()


def test_a_comment_on_a_removed_line_stands_on_the_old_side(server: Server, work: Work) -> None:
    work.git("checkout", "main")
    (work.folder / f"{work.branch}.py").write_text(numbered())
    work.git("add", ".")
    work.git("commit", "-m", "Before")
    work.git("push", server.git_url("mia", REPO), "main")
    work.git("checkout", "-B", work.branch)
    work.push(numbered(l7="seven = 7").replace("line_9 = 9\n", ""))
    pulls = open_pulls(server)
    head, diff = pulls.read_pull(work.number), pulls.read_diff(work.number)
    comments = [
        LineComment(path=f"{work.branch}.py", side="LEFT", line=9, body="Why not keep it?"),
        LineComment(path=f"{work.branch}.py", side="RIGHT", line=7, body="In words?"),
    ]
    assert "-line_9 = 9" in diff
    body = f"Two.\n\n{render_marker(review_marker(head, 'x'), KEY)}"
    pulls.post_review(work.number, head.head_sha, body, comments)
    placed = {one["body"]: (one["original_position"], one["position"]) for one in work.comments()}
    assert placed == {"Why not keep it?": (9, 0), "In words?": (0, 7)}
    pulls.post_review(work.number, head.head_sha, body, comments)
    assert len(work.comments()) == 2
    shoot(server, work, "3-old-side")
    pulls.close()


def test_a_diff_from_git_is_the_diff_of_the_host(server: Server, work: Work) -> None:
    work.push(numbered(l3="three = 3"))
    pulls = open_pulls(server)
    pull = server.call("mia", "GET", f"{API}/pulls/{work.number}")
    taken = diff_from_git(
        f"{server.url}/{REPO}.git",
        server.tokens["postil"],
        pull["merge_base"],
        pull["head"]["sha"],
    )
    assert parse_diff(taken) == parse_diff(pulls.read_diff(work.number))
    pulls.close()


def test_a_file_is_read_at_a_commit(server: Server, work: Work) -> None:
    work.push(numbered(l3="three = 3"))
    with closing(open_pulls(server)) as pulls:
        base = pulls.read_pull(work.number).base_sha
        assert "harbour" in (pulls.read_file("README.md", base) or "")
        assert pulls.read_file("no such/postil.toml", base) is None


def test_the_server_itself_finds_nothing_live_in_what_was_made_harmless(server: Server) -> None:
    texts = [text for _, text in PAYLOADS] + generated(200, seed=3)
    for text in texts:
        shown = rendered(server, sanitize(text))
        assert not ACTS.search(shown), (text, shown)
    loud = rendered(server, "@mia ![](https://evil.example/p.png) https://evil.example")
    assert len(ACTS.findall(loud)) >= 3


def rendered(server: Server, text: str) -> str:
    """A comment's HTML, as the server makes it."""
    answer = requests.post(
        f"{server.url}/api/v1/markdown",
        json={"Mode": "comment", "Context": f"{server.url}/{REPO}", "Text": text},
        headers={"Authorization": f"token {server.tokens['mia']}"},
        timeout=30,
    )
    assert answer.ok, answer.text
    return answer.text


def test_the_command_reviews_here_by_the_address_of_a_pull_request(
    server: Server, work: Work, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tiny = make_home(tmp_path_factory.mktemp("tiny"))
    here = tmp_path_factory.mktemp("here")
    (here / "postil.toml").write_text('[review]\nmode = "comment"\n')
    work.push("def total(self):\n    print(self.prices)\n    return sum(self.prices)\n")
    address = f"{server.url}/{REPO}/pulls/{work.number}"
    options = ("review", "--pr", address, "--adapter", str(tiny.quoting))
    more = {"FORGEJO_TOKEN": server.tokens["postil"]}
    done = tiny.run(*options, cwd=here, more=more)
    assert (done.returncode, done.stderr) == (0, "posted one review with 1 line comment\n")
    (comment,) = work.comments()
    assert comment["body"].startswith("> Log it instead of printing it, please.")
    assert (
        "Quoted from [pull request 3, 2024-05-01](<https://redirect.github.com/"
        in (comment["body"])
    )
    shoot(server, work, "4-command")
    again = tiny.run(*options, cwd=here, more=more)
    assert again.stderr == "nothing posted: this head was reviewed before\n"
    unknown = tiny.run("review", "--pr", f"{server.url}/{REPO}/pulls/999", cwd=here, more=more)
    assert unknown.returncode == 1 and "404 not found" in unknown.stderr
    work.push("def total(self):\n    print(self.costs)\n    return sum(self.costs)\n")
    weak = {"FORGEJO_TOKEN": server.new_token("postil", "read:repository,read:issue,read:user")}
    refused = tiny.run(*options, cwd=here, more=weak)
    assert "it needs write:repository and write:issue" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("who", "number", "said"),
    [
        ("postil", 9999, "404 not found, or the token may not see it"),
        ("nobody", 1, "401 the token is not accepted"),
    ],
)
def test_what_cannot_be_read_is_one_line(server: Server, who: str, number: int, said: str) -> None:
    token = server.tokens.get(who, "wrong")
    pulls = ForgejoPulls(REPO, token, KEY, url=server.url)
    with pytest.raises(HostingError, match=said) as caught:
        pulls.read_pull(number)
    assert caught.value.lasting
    pulls.close()


def test_a_server_that_is_down_is_no_lasting_fault() -> None:
    waits: list[float] = []
    pulls = ForgejoPulls(REPO, "x", KEY, url="http://127.0.0.1:9", sleep=waits.append)
    with pytest.raises(HostingError) as caught:
        pulls.read_pull(1)
    assert not caught.value.lasting and len(waits) == 4
    pulls.close()


def shoot(server: Server, work: Work, name: str) -> None:
    """Look at the changed files in a browser: each comment under its line, no marker shown."""
    from playwright.sync_api import sync_playwright

    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1200, "height": 1400})
        tab.goto(f"{server.url}/user/login")
        tab.fill("#user_name", "olga")
        tab.fill("#password", "not-a-secret-1")
        tab.click("button.primary, button.green")
        for page in ("", "/files"):
            tab.goto(f"{server.url}/{REPO}/pulls/{work.number}{page}")
            where = page.strip("/") or "talk"
            tab.screenshot(path=SHOTS / f"{name}-{where}.png", full_page=True)
            shown = tab.inner_text("body")
            assert "postil:1" not in shown
            assert tab.locator("a.mention").count() == 0
        assert any(said in shown for said in ("Log this", "Why not keep it?", "Log it"))
        browser.close()
