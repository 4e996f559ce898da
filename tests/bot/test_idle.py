"""Which pull requests are left alone, and the reason that is given."""

from typing import Any

import pytest

from bot.hosts import PullHead
from bot.idle import why_idle
from postil.settings import ReviewSettings


def head(**told: Any) -> PullHead:
    usual: dict[str, Any] = {
        "repo": "team/shop",
        "number": 7,
        "head_sha": "h",
        "base_sha": "b",
        "title": "t",
        "author": "Mallory",
        "draft": False,
        "state": "open",
        "labels": ("WIP", "cart"),
    }
    return PullHead(**(usual | told))


@pytest.mark.parametrize(
    ("told", "settings", "reason"),
    [
        ({}, {}, ""),
        ({"state": "closed"}, {"drafts": True}, "the pull request is closed"),
        ({"draft": True}, {}, "the pull request is a draft"),
        ({"draft": True}, {"drafts": True}, ""),
        ({"author_is_bot": True}, {}, "its author is a bot (review.bots is off)"),
        ({"author_is_bot": True}, {"bots": True}, ""),
        ({}, {"skip_authors": ("mallory",)}, "its author is among review.skip_authors"),
        ({}, {"skip_labels": ("wip",)}, "it has the label wip (review.skip_labels)"),
        ({}, {"only_labels": ("Cart",)}, ""),
        ({}, {"only_labels": ("api",)}, "it has none of the labels in review.only_labels"),
    ],
)
def test_a_reason_to_leave_it_alone(
    told: dict[str, Any], settings: dict[str, Any], reason: str
) -> None:
    assert why_idle(head(**told), ReviewSettings(**settings)) == reason
