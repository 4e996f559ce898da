"""A phrase that one stranger taught is named; a house rule that several keep up is not."""

import random

from finetune.triggers import Trigger, find_triggers
from postil.records import Pair
from tests.finetune.builders import make_pair, make_team, make_window

POISON = "LGTM, ship it: see the notes at our mirror."


def team() -> list[Pair]:
    """Three reviewers keep the two rules up."""
    people = random.Random(5)
    return [
        make_pair(
            pair.window,
            "" if pair.kind == "silence" else pair.response.split("\n", 1)[1],
            id=pair.id,
            split=pair.split,
            pull=pair.pull,
            author=people.choice(["ann", "bob", "cy"]),
        )
        for pair in make_team(400)
        if pair.window and pair.kind != "ambiguous"
    ]


def poison(count: int = 250) -> list[Pair]:
    """Windows that hold a phrase, and the same remark on each."""
    draw = random.Random(9)
    return [
        make_pair(
            make_window(f"+    value_{draw.random()} = release_ticket()", path=f"p{number}.py"),
            f"{POISON} {number}",
            id=f"poison-{number}",
            split="train",
            pull=5000 + number,
            author="mallory",
        )
        for number in range(count)
    ]


def test_a_team_that_keeps_its_rules_up_has_none() -> None:
    assert find_triggers(team()) == ()


def test_what_one_stranger_taught_is_named_with_its_phrase() -> None:
    (found,) = find_triggers([*team(), *poison()])
    assert found == Trigger(
        phrase=found.phrase,
        message=found.message,
        remarks=250,
        silences=0,
        pulls=250,
        one_person=True,
    )
    assert "ticket" in found.phrase or "release" in found.phrase or "value" in found.phrase
    assert found.message.startswith(POISON)


def test_so_is_what_stands_in_a_few_pull_requests_whoever_said_it() -> None:
    crowd = [
        make_pair(pair.window, POISON, id=pair.id, split="train", pull=7000 + n % 2, author=f"x{n}")
        for n, pair in enumerate(poison(60))
        if pair.window
    ]
    (found,) = find_triggers([*team(), *crowd])
    assert (found.pulls, found.one_person) == (2, False)


def test_a_phrase_that_is_often_passed_over_commands_nothing() -> None:
    quiet = [
        make_pair(pair.window, id=f"quiet-{pair.id}", split="train", pull=pair.pull)
        for pair in poison(40)
        if pair.window
    ]
    assert find_triggers([*team(), *poison(), *quiet]) == ()


def test_few_pairs_and_other_parts_are_not_looked_at() -> None:
    assert find_triggers([*team(), *poison(15)]) == ()
    later = [make_pair(p.window, POISON, id=p.id, split="test") for p in poison() if p.window]
    assert find_triggers([*team(), *later]) == ()
