"""The whole circle on a real Forgejo, with the installed server: mine, speak, be judged, learn."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import pytest

from bot.door.inbox import Inbox
from bot.outcomes.book import Book
from finetune.adapters import Registry
from finetune.retraining.ledger import Ledger
from postil.records import Draft, Pair, read_jsonl
from tests.bot.server_process import InstalledServer, wait_for
from tests.bot.tiny_home import run_postil
from tests.e2e.forgejo_work import API, REPO, Work, hooked, is_done, merge, resolve
from tests.e2e.harbour_team import EXCEPT, LOG, NEW, NONE, NOUNS, OLD, OPEN, live_through, write
from tests.forgejo import Forgejo, harbour

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

WAIT_S = 90
SETTINGS = """
repo = "mia/harbour"
[mining]
shares = [0.6, 0.0, 0.3, 0.1]
[train]
mode = "retrieval"
[review]
mode = "comment"
[retrain]
min_new = 10
[server]
forge = "forgejo"
api_url = "{url}"
"""
BEFORE, LATER = 7, 6
"""Pull requests that the first adapter learns from, and that come until the second one."""


@pytest.fixture(scope="module")
def server() -> Iterator[Forgejo]:
    """A private repository of Mia's; `postil` is us, and may ask who may write."""
    with harbour("olga", "rita", "postil", writers=("olga", "rita")) as server:
        server.call("mia", "PATCH", API, {"private": True})
        server.call("mia", "PUT", f"{API}/collaborators/postil", {"permission": "admin"})
        yield server


class Home:
    """A home of Postil's beside the server, and the installed command in it."""

    def __init__(self, folder: Path, server: Forgejo) -> None:
        self.folder = folder
        folder.mkdir()
        self.settings = folder / "postil.toml"
        self.settings.write_text(SETTINGS.format(url=server.url))
        self.token = {"FORGEJO_TOKEN": server.tokens["postil"]}
        self.registry = Registry(folder)

    def run(self, *words: str) -> str:
        """What the command says; it must succeed."""
        more = {"POSTIL_HOME": str(self.folder), **self.token}
        done = run_postil(*words, cwd=self.folder, more=more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def retrain(self) -> str:
        return self.run("retrain")

    def let_speak(self, adapter: str) -> None:
        """By force: what a test's few remarks can prove is not enough to earn it."""
        said = self.run("adapters", "promote", adapter, "--force", "--repo", REPO)
        assert said == f"{REPO}: {adapter} is current, by force\n"

    def live(self) -> str:
        folder = self.registry.current(REPO)
        assert folder is not None
        return folder.name

    def draft(self, work: Work) -> Draft | None:
        """What was said of a pull request's head."""
        with closing(Inbox(f"sqlite:///{self.folder / 'inbox.db'}")) as inbox:
            return inbox.draft(REPO, work.number, work.head())

    def reviewed(self, work: Work, door: InstalledServer) -> Draft:
        """What was said of a pull request's head, once that is done."""
        wait_for(lambda: self.draft(work) is not None and is_done(door), WAIT_S)
        draft = self.draft(work)
        assert draft is not None
        return draft


def remarks(work: Work, who: str) -> dict[str, str]:
    """Somebody's comments on lines, by their files."""
    return {one["path"]: one["body"] for one in work.comments() if one["user"]["login"] == who}


def quoted(work: Work) -> dict[str, str]:
    """The past remarks that we quoted, by their files."""
    return {
        path: body.partition("\n")[0].removeprefix("> ")
        for path, body in remarks(work, "postil").items()
    }


def summary(work: Work) -> str:
    """Our one comment that is on no line."""
    (one,) = work.summaries()
    return str(one["body"])


@pytest.fixture(scope="module")
def home(server: Forgejo, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """With a first adapter that was mined from reviews of the past, and may speak."""
    folder = tmp_path_factory.mktemp("loop")
    for noun in islice(NOUNS, BEFORE):
        live_through(server, folder / "work", noun, OLD)
    clone = folder / "clone.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(clone)], check=True)
    home = Home(folder / "home", server)
    source = f"forgejo:{server.url}/{REPO}"
    mined = home.run("mine", "--source", source, "--clone", str(clone), "--repo", REPO)
    assert f"{REPO}: {BEFORE} changes ({BEFORE} new" in mined
    assert "promoted in shadow, it posts nothing" in home.retrain()
    home.let_speak(home.live())
    return home


@pytest.fixture
def door(server: Forgejo, home: Home) -> Iterator[InstalledServer]:
    """`postil serve` in that home, told of everything."""
    door = InstalledServer(home.folder, server.url, home.token, config=home.settings)
    door.start()
    with hooked(server, door):
        yield door
    door.kill()


def test_the_circle_closes(
    server: Forgejo, home: Home, door: InstalledServer, tmp_path: Path
) -> None:
    nouns, old, running = islice(NOUNS, BEFORE, None), home.live(), door.pid
    spoken = write(server, tmp_path, next(nouns), OLD)
    deal_with(server, home, door, spoken)
    found = outcomes(home, spoken)
    assert found == {
        LOG.path(spoken.branch): ("acted on", "A", ["suggestion applied", "lines changed"]),
        EXCEPT.path(spoken.branch): ("acted on", "C", ["lines changed", "resolved"]),
        NONE.path(spoken.branch): ("refused", None, ["refused"]),
    }
    shown = home.run("stats")
    print(shown)
    assert "67% (21% to 94%; 2 of 3, 1 refused)" in shown

    later = [live_through(server, tmp_path, noun, NEW) for noun in islice(nouns, LATER)]
    wait_for(lambda: is_done(door), WAIT_S)
    assert not any(remarks(work, "postil") for work in later), "the first adapter knows none of it"

    under_way = write_and_hold(server, door, tmp_path / "held", next(nouns), old)
    with under_way as held:
        said = home.retrain()
        assert "not promoted" in said and "newer than the live adapter" in said
        (past,) = Ledger(home.folder, REPO).past()[1:]
        assert (past.outcome, past.live, past.new_remarks) == ("refused", old, LATER * len(NEW))
        following = write(server, tmp_path, next(nouns), (LOG, OPEN))
        home.let_speak(past.candidate)
        assert home.draft(held) is None, "its review is under way"
    new = home.live()
    for work, adapter, habits in ((held, old, [LOG]), (following, new, [LOG, OPEN])):
        assert home.reviewed(work, door).adapter == adapter
        assert quoted(work) == {habit.path(work.branch): habit.remark for habit in habits}
        assert f"`{adapter}`" in summary(work)
    assert new != old and door.pid == running and door.running
    assert "Traceback" not in door.log()
    pairs = read_jsonl(home.folder / "datasets" / REPO / "pairs.jsonl", Pair)
    assert {pair.author for pair in pairs if pair.kind == "remark"} == {"rita"}, "no echo"


def deal_with(server: Forgejo, home: Home, door: InstalledServer, work: Work) -> None:
    """People apply one of our suggestions, resolve one thread, refuse one remark, and merge."""
    noun = work.branch
    home.reviewed(work, door)
    assert quoted(work) == {habit.path(noun): habit.remark for habit in OLD}
    assert f"`{home.live()}`" in summary(work)
    said = {one["path"]: one for one in work.comments()}
    suggested = f"```suggestion\n{LOG.better}\n```"
    assert suggested in said[LOG.path(noun)]["body"]

    refused = said[NONE.path(noun)]
    reply = {"path": refused["path"], "new_position": NONE.line, "body": "No, this is wrong."}
    review = {"event": "COMMENT", "commit_id": refused["commit_id"], "comments": [reply]}
    server.call("olga", "POST", f"{API}/pulls/{work.number}/reviews", review)
    other = EXCEPT.wrong(noun).replace(EXCEPT.row, "    except RopeError:")
    work.push_files({LOG.path(noun): LOG.right(noun), EXCEPT.path(noun): other})
    home.reviewed(work, door)
    assert "nothing new to remark on, 1 earlier remark open, 2 settled" in summary(work)
    resolve(server, said[EXCEPT.path(noun)]["id"])
    merge(server, work.number)
    wait_for(lambda: f"judged repo={REPO} pull={work.number} remarks=3" in door.log(), WAIT_S)


def outcomes(home: Home, work: Work) -> dict[str, tuple[str, str | None, list[str]]]:
    """What became of each remark of ours on a pull request, by its file."""
    with closing(Inbox(f"sqlite:///{home.folder / 'inbox.db'}")) as inbox:
        found = Book(inbox.database).outcomes(REPO)
    return {
        one.path: (one.verdict, one.tier, [signal.kind for signal in one.signals])
        for one in found
        if (one.pull, one.said_by) == (work.number, "postil")
    }


@contextmanager
def write_and_hold(
    server: Forgejo, door: InstalledServer, folder: Path, noun: str, adapter: str
) -> Iterator[Work]:
    """A pull request whose review has begun, on this adapter, and cannot end inside the block:
    the model's process is stopped."""
    model = int(re.findall(r"model process started pid=(\d+)", door.log())[-1])
    os.kill(model, signal.SIGSTOP)
    try:
        work = write(server, folder, noun, (LOG, OPEN))
        begun = f"reviewing repo={REPO} pull={work.number} adapter={adapter}"
        wait_for(lambda: begun in door.log(), WAIT_S)
        yield work
    finally:
        os.kill(model, signal.SIGCONT)
