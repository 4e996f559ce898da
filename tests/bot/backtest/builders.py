"""Pull requests of the past for a backtest, with a house rule against `print(`."""

from bot.backtest.choosing import Pull, choose_pulls
from bot.backtest.records import Replayed
from bot.backtest.replay import replay
from postil.records import Pair
from postil.settings import ReviewSettings
from tests.bot.stub_model import StubModel
from tests.finetune.builders import day, make_pair, make_window

RULES = {"print(": "Log it instead of printing it."}
SETTINGS = ReviewSettings(max_comments=3)


def pair(number: int, path: str, *rows: str, said: str = "", row: int = 2, **more: object) -> Pair:
    """A window of the test part; `said` on a row makes it a remark."""
    values = {"pull": number, "decided_at": day(number), "split": "test", **more}
    return make_pair(make_window(*rows, path=path), said, row, **values)


BAD = (" def run():", "+    print(1)", "+    return 1")
FINE = (" def run():", "+    return 2")
HISTORY = (
    pair(1, "a.py", *BAD, said="No printing, please."),
    pair(1, "b.py", *FINE),
    pair(2, "a.py", *BAD, said="Why one?", row=3),
    pair(2, "b.py", *BAD),
    pair(3, "a.py", *BAD, kind="ambiguous"),
    pair(3, "b.py", *FINE, said="Return what?"),
    pair(4, "a.py", *FINE),
)
"""On the line; in the window and a false alarm; unclear and missed; nobody."""


def chosen(last: int = 4) -> list[Pull]:
    """The pull requests of the history."""
    return choose_pulls(HISTORY, last, None, {})


def words(texts: object) -> int:
    """A token a word."""
    assert isinstance(texts, list)
    return sum(len(text.split()) for text in texts)


def replayed(last: int = 4) -> list[Replayed]:
    """Them, replayed."""
    return [replay(pull, StubModel(RULES), SETTINGS, words) for pull in chosen(last)]
