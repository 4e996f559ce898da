"""Nobody and nothing may be all that is learned."""

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mining.capping import ONE_REVIEWER, SAID_OFTEN, TEACHERS, over_the_caps, shares, wording
from postil.records import Example
from tests.mining.test_split import example


def remark(name: str, pull: int, author: str, words: str) -> Example:
    return msgspec.structs.replace(
        example(name, pull), kind="remark", author=author, response=f"R1\n{words}"
    )


def test_the_newest_of_the_same_words_are_kept() -> None:
    said = [remark(f"e{n}", n, f"a{n}", "Name it." if n % 2 else "name  IT") for n in range(1, 8)]
    left = over_the_caps(said, 5, 1.0)
    assert left == dict.fromkeys(("e1", "e2"), SAID_OFTEN)


def test_a_reviewer_who_writes_nearly_all_is_capped_to_the_share() -> None:
    said = [remark(f"e{n}", n, "ann", f"Remark {n}") for n in range(1, 19)]
    said += [remark("b", 20, "bob", "B"), remark("c", 21, "cy", "C")]
    left = over_the_caps(said, 5, 0.75)
    assert set(left) == {f"e{n}" for n in range(1, 13)}
    assert set(left.values()) == {ONE_REVIEWER}


def test_two_people_are_never_capped_and_silences_never_count() -> None:
    said = [remark(f"e{n}", n, "ann", f"Remark {n}") for n in range(1, 9)]
    said.append(remark("b", 20, "bob", "B"))
    quiet = [example(f"s{n}", n, f"quiet {n}") for n in range(30)]
    assert over_the_caps([*said, *quiet], 5, 0.5) == {}


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["x", "y", "z."])), max_size=40),
    st.integers(1, 5),
    st.floats(0.5, 1.0),
)
def test_what_is_left_keeps_both_caps(rows: list[tuple[str, str]], same: int, share: float) -> None:
    said = [remark(f"e{n}", n + 1, who, words) for n, (who, words) in enumerate(rows)]
    left = over_the_caps(said, same, share)
    kept = [e for e in said if e.id not in left]
    assert all(count <= same for count in Counter(map(wording, kept)).values())
    people = Counter(e.author for e in said if left.get(e.id) != SAID_OFTEN)
    if len(people) >= TEACHERS and kept:
        busiest = people.most_common(1)[0][0]
        assert sum(e.author == busiest for e in kept) <= share * len(kept) + 1e-9


def test_shares_add_up_and_the_busiest_comes_first() -> None:
    found = shares(["a", "b", "a", "a"])
    assert found == [("a", 3, 0.75), ("b", 1, 0.25)]
    assert shares([]) == []
