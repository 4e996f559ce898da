"""The page of a backtest tells who spoke where, and shows hostile texts as texts."""

import msgspec

from bot.backtest.choosing import choose_pulls
from bot.backtest.page import limits_of, render_backtest
from bot.backtest.records import Aside, Backtest
from bot.backtest.replay import replay
from bot.backtest.totals import add_up
from tests.bot.backtest.builders import BAD, SETTINGS, chosen, pair, replayed, words
from tests.bot.stub_model import PAST, StubModel

EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\u202e'


def backtest(**more: object) -> Backtest:
    pulls = tuple(replayed())
    values: dict[str, object] = {
        "adapter": "0123456789abcdef",
        "base": "stub-base",
        "repo": "o/r",
        "threshold": 0.5,
        "max_comments": 3,
        "same_pairs": True,
        "merged_known": True,
        "totals": add_up(pulls),
        "pulls": pulls,
    }
    return Backtest(**(values | more))  # type: ignore[arg-type]


def test_the_verdict_comes_first_and_every_pull_request_can_be_reached() -> None:
    page = render_backtest(backtest())
    told = "It would have posted 4 comments: 1 on the lines of an accepted remark"
    assert told in page and page.index(told) < page.index("<table")
    for number in range(1, 5):
        assert f'href="#pull-{number}"' in page and f'id="pull-{number}"' in page
    assert "No printing, please." in page and "Log it instead of printing it." in page
    assert "probability 0.01, below the threshold 0.50" in page
    assert f'href="{PAST.url}"' in page and "resembles 0.80, 2024-05-01:" in page
    assert "No accepted remark, and no comment." in page


def test_silence_is_told_with_its_reason() -> None:
    quiet = add_up([replayed(1)[0]])
    never = backtest(threshold=None, totals=quiet, pulls=tuple(replayed(1)))
    assert "no threshold reached the precision" in render_backtest(never)
    calm = backtest(totals=quiet, pulls=tuple(replayed(1)))
    assert "no window reached its threshold of 0.50" in render_backtest(calm)


def test_what_is_not_known_comes_from_the_data() -> None:
    told = " ".join(limits_of(backtest(same_pairs=False, merged_known=False)))
    assert "Few pull requests (4) and comments (4)" in told
    assert "made from other pairs" in told and "Which of them were merged" in told
    assert "made from other pairs" not in " ".join(limits_of(backtest()))


def test_hostile_words_paths_and_addresses_stay_texts() -> None:
    hostile = pair(9, f"{EVIL}.py", *BAD[:2], f"+{EVIL}", said=EVIL, url="javascript:alert(1)")
    (pull,) = choose_pulls([hostile], 1, None, {})
    aside = Aside(path=EVIL, line=3, message=EVIL, url="javascript:alert(1)")
    pull = msgspec.structs.replace(pull, title=EVIL, url=EVIL, asides=(aside,))
    done = replay(pull, StubModel({"print(": EVIL}), SETTINGS, words)
    page = render_backtest(backtest(pulls=(done,), totals=add_up([done]), repo=EVIL))
    assert "<script" not in page and "<img" not in page and "\u202e" not in page
    assert 'href="javascript:' not in page
    assert "&lt;script&gt;" in page and "&lt;U+202E&gt;" in page


def test_a_backtest_is_read_back_from_its_json() -> None:
    test = backtest()
    raw = msgspec.json.encode(test)
    assert msgspec.json.decode(raw, type=Backtest) == test
    assert msgspec.json.decode(raw)["schema"] == 1
    assert [pull.number for pull in chosen()] == [pull.number for pull in test.pulls]
