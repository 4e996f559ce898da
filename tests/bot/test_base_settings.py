"""A repository's settings at the base hold for its reviews, within what the server allows."""

from typing import cast

import pytest
from msgspec.structs import replace

from bot.base_settings import KEPT, BaseSettings, ReadFile, read_wanted
from bot.hosts import PullHead, Pulls
from postil.errors import ConfigError
from postil.settings import ReviewSettings
from tests.bot.fake_pulls import REPO

BASE = "0" * 40
OWN = ReviewSettings(mode="comment", max_comments=5, ignore=("vendor/*",), skip_authors=("eve",))


def reader(files: dict[tuple[str, str], str]) -> ReadFile:
    """Reads from a repository with these files, by path and commit."""
    return lambda path, sha: files.get((path, sha))


def wanted(text: str, name: str = "postil.toml", own: ReviewSettings = OWN) -> ReviewSettings:
    """What comes of a settings file at the base commit."""
    return read_wanted(reader({(name, BASE): text}), BASE, own)


def test_what_is_set_holds_and_the_rest_is_the_server_s() -> None:
    found = wanted('[review]\nignore = ["docs/*"]\ndrafts = true\n')
    assert found == replace(OWN, ignore=("docs/*",), drafts=True)


@pytest.mark.parametrize("text", ["", 'repo = "a/b"\n', "[mining]\nmin_words = 3\n"])
def test_a_file_that_says_nothing_of_reviews_changes_nothing(
    text: str,
) -> None:
    assert wanted(text) == OWN


def test_a_pyproject_serves_as_well() -> None:
    text = "[tool.postil.review]\nmax_comments = 1\n"
    assert wanted(text, "pyproject.toml").max_comments == 1
    assert wanted("[tool.other]\n", "pyproject.toml") == OWN


def test_without_any_file_the_server_s_settings_hold() -> None:
    assert read_wanted(reader({}), BASE, OWN) == OWN


@pytest.mark.parametrize(
    ("own", "text", "key", "expected"),
    [
        (OWN, 'mode = "shadow"', "mode", "shadow"),
        (replace(OWN, mode="shadow"), 'mode = "comment"', "mode", "shadow"),
        (OWN, "max_comments = 50", "max_comments", 5),
        (OWN, "max_comments = 0", "max_comments", 0),
        (OWN, "min_precision = 0.1", "min_precision", 0.5),
        (OWN, "min_precision = 0.9", "min_precision", 0.5),
        (OWN, "most_windows = 100000", "most_windows", 400),
        (OWN, "max_tokens = 100000", "max_tokens", 128),
        (OWN, "name_reviewers = true", "name_reviewers", False),
        (replace(OWN, name_reviewers=True), "name_reviewers = false", "name_reviewers", False),
        (OWN, "canary = 0.5", "canary", 0.0),
    ],
)
def test_a_repository_may_ask_for_less_and_never_for_more(
    own: ReviewSettings,
    text: str,
    key: str,
    expected: object,
) -> None:
    assert getattr(wanted(f"[review]\n{text}\n", own=own), key) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [("[review]\nmod = 1\n", "did you mean review.mode"), ("[review\n", "not TOML")],
)
def test_a_mistake_is_said_with_its_place(
    text: str,
    said: str,
) -> None:
    with pytest.raises(ConfigError, match=f"postil.toml at the base commit: .*{said}"):
        wanted(text)


def test_each_base_commit_is_asked_once_and_the_head_never() -> None:
    asked: list[tuple[str, str]] = []

    class Counted:
        def read_file(self, path: str, sha: str) -> str | None:
            asked.append((path, sha))
            return "[review]\nmax_comments = 1\n" if sha == BASE else None

    pulls = cast(Pulls, Counted())
    at_base = BaseSettings(OWN)
    for _ in range(3):
        found = at_base(pulls, head_on(BASE))
        assert found.settings is not None and found.settings.max_comments == 1
    assert asked == [("postil.toml", BASE)]
    for number in range(KEPT):
        at_base(pulls, head_on(f"{number + 1:040x}"))
    at_base(pulls, head_on(BASE))
    assert asked.count(("postil.toml", BASE)) == 2


def head_on(base_sha: str) -> PullHead:
    """A head on a base commit."""
    return PullHead(
        repo=REPO,
        number=7,
        head_sha="a" * 40,
        base_sha=base_sha,
        title="",
        author="ada",
        draft=False,
        state="open",
    )
