"""A home with something on every page of the dashboard, and the app over it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from flask import Flask

from bot.dashboard.routes import Dashboard
from bot.dashboard.session import Guard
from bot.door.delivery import Delivery, State
from bot.door.inbox import Inbox
from bot.outcomes.alarms import Alarms
from bot.outcomes.book import Book
from bot.outcomes.drift import Alarm
from bot.outcomes.shelf import write_tunings
from finetune.adapters import Registry
from finetune.evaluation.kept import SCORECARD, evaluations_folder, keep_evaluation
from finetune.evaluation.scorecard import encode_scorecard
from mining.commands import store_url
from mining.store import open_store
from postil.records import Draft, Finding, Resemblance, Span, write_jsonl
from postil.settings import OutcomeSettings
from tests.bot.outcomes.builders import make_outcome
from tests.finetune.builders import FORCED, make_team
from tests.finetune.evaluation.scorecards import make_scorecard
from tests.finetune.evaluation.test_judgement import GOOD
from tests.finetune.test_adapters import card
from tests.mining.builders import day

TOKEN = "the admin token of our tests, long enough"
OWNER = "o/r"
STATES: tuple[State, ...] = ("posted", "superseded", "dead", "parked", "leased")
EVIL = "<script>document.title='stolen'</script>\u202e"


@dataclass(frozen=True)
class Stage:
    """What stands behind the pages."""

    home: Path
    inbox: Inbox
    app: Flask
    woken: list[int]
    first: Path
    second: Path
    third: Path


@contextmanager
def stage(home: Path) -> Iterator[Stage]:
    """Make all of it; the inbox is closed at the end."""
    registry = Registry(home)
    first, second, third = (_publish(registry, name) for name in ("first", "second", "third"))
    registry.promote(OWNER, first, FORCED)
    registry.promote(OWNER, second, FORCED)
    keep_evaluation(home, OWNER, second, make_scorecard(adapter=second.name))
    _earn(home, third, beside=second)
    dataset = home / "datasets" / OWNER
    dataset.mkdir(parents=True)
    pairs = [
        msgspec.structs.replace(pair, tier="A" if pair.pull % 3 else "B", origin=f"{at:016x}")
        for at, pair in enumerate(make_team())
    ]
    write_jsonl(dataset / "pairs.jsonl", pairs)
    with open_store(store_url(home)):
        pass
    inbox = Inbox(f"sqlite:///{home / 'inbox.db'}")
    _fill(inbox)
    _judge(home, inbox, second)
    woken: list[int] = []
    app = Flask("postil")
    pages = Dashboard(home, inbox, store_url(home), Guard(TOKEN), lambda: woken.append(1))
    app.register_blueprint(pages.blueprint())
    try:
        yield Stage(home, inbox, app, woken, first, second, third)
    finally:
        inbox.close()


def _publish(registry: Registry, name: str) -> Path:
    with registry.workspace(OWNER) as made:
        (made / "index.jsonl").write_text(f'{{"name": "{name}"}}\n', encoding="utf-8")
        return registry.publish(made, card(name=name, mode="retrieval", pairs=115))


def _earn(home: Path, folder: Path, beside: Path) -> None:
    """Let an adapter be measured so well that it may take the live one's place."""
    assert GOOD.live is not None
    live = msgspec.structs.replace(GOOD.live, adapter=beside.name)
    kept = evaluations_folder(home, OWNER, folder.name)
    kept.mkdir(parents=True)
    good = msgspec.structs.replace(GOOD, adapter=folder.name, live=live)
    (kept / SCORECARD).write_bytes(encode_scorecard(good))


def _fill(inbox: Inbox) -> None:
    for number, state in enumerate(STATES, 1):
        head = hashlib.sha1(str(number).encode()).hexdigest()
        name = f"delivery-{number}"
        inbox.accept(
            Delivery(delivery=name, action="opened", repo="team/shop", pull=number, head_sha=head)
        )
        inbox.move(inbox.job(name), "debounced")
        inbox.move(inbox.job(name), "leased")
        inbox.save_draft(_draft(number, head))
        details = {
            "posted": "one review, 1 line comments",
            "dead": "team/shop#3: cannot post the review: 502 Server Error",
            "parked": "team/shop: the App is not installed there",
            "superseded": "a later delivery of this pull request waits",
        }
        if state != "leased":
            inbox.move(inbox.job(name), state, details[state])


def _judge(home: Path, inbox: Inbox, live: Path) -> None:
    """Half a year of judged remarks, a kind that is muted, and something out of band."""
    book = Book(inbox.database)
    for number in range(120):
        kind, of = ("naming", 9) if number % 3 else ("style", 2)
        more = {"category": kind, "adapter": live.name, "path": f"shop/{kind}/{EVIL[:9]}.py"}
        at = day(1.5 * number)
        verdict = "acted on" if number % of == 0 else "refused" if number % 2 else "passed over"
        ours = make_outcome(number, repo=OWNER, verdict=verdict, closed_at=at, **more)
        heeded = "acted on" if number % 2 else "passed over"
        theirs = make_outcome(number, said_by="person", key="t", verdict=heeded, closed_at=at)
        book.put(OWNER, number, at.timestamp(), [ours, theirs])
    write_tunings(home, OWNER, book, OutcomeSettings())
    alarms = Alarms(inbox.database)
    text = "rose to 60% (50% to 70%; 60 of 100) from 20% (13% to 29%; 20 of 100)"
    alarms.put(
        OWNER,
        [Alarm(repo=OWNER, adapter=live.name, kind="comment rate", text=text, worse=True)],
    )
    alarms.begin_fall(OWNER, "fedcba9876543210", "acted-on rate fell to 5% from 50%")
    alarms.end_fall(OWNER, "fedcba9876543210", live.name)


def _draft(number: int, head: str) -> Draft:
    finding = Finding(
        span=Span(path="shop/cart.py", side="RIGHT", start=11, end=11),
        message=f"Name the exception you expect here. {EVIL if number == 1 else ''}",
        score=0.83,
        resembles=(Resemblance(url="https://example.org/o/r/pull/3#r9", similarity=0.8),),
    )
    return Draft(
        repo="team/shop",
        pull=number,
        head_sha=head,
        adapter="0123456789abcdef",
        findings=(finding,),
        reviewed=("shop/cart.py",),
        skipped={"uv.lock": "generated"},
    )
