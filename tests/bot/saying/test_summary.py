"""The summary says what was kept back because of what people did before."""

from bot.saying.posting import Standing
from bot.saying.summary import write_summary
from tests.bot.outcomes.builders import draft


def test_what_outcomes_silenced_is_named_with_the_reason() -> None:
    reason = "muted: remarks of the kind naming were acted on in 2% of 40 votes @mia <b>x</b>"
    text = write_summary(draft("Log it.", silenced={reason: 2}), Standing(new=1, open=1))
    (row,) = [line for line in text.splitlines() if line.startswith("| kept to itself")]
    assert "2: muted: remarks of the kind naming were acted on in 2% of 40 votes" in row
    assert r"\<b>" in row and " @mia" not in row


def test_where_nothing_was_silenced_nothing_is_said_of_it() -> None:
    assert "kept to itself" not in write_summary(draft("Log it."), Standing(new=1, open=1))
