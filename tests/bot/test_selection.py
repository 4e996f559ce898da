"""Every file is read, read in part, or named; the budget goes to what is worth most."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.selection import select, worth
from postil.diff import FileDiff, parse_diff, windows
from postil.settings import ReviewSettings


def change(files: dict[str, list[str]]) -> tuple[FileDiff, ...]:
    """A diff that adds files."""
    parts = []
    for path, lines in files.items():
        body = "".join(f"+{line}\n" for line in lines)
        head = f"diff --git a/{path} b/{path}\n--- /dev/null\n+++ b/{path}\n"
        parts.append(f"{head}@@ -0,0 +1,{len(lines)} @@\n{body}")
    return parse_diff("".join(parts))


def test_paths_and_languages_are_left_out_by_settings() -> None:
    files = change({"src/a.py": ["x"], "src/b.go": ["y"], "lib/c.py": ["z"], "src/old/d.py": ["w"]})
    wanted = ReviewSettings(only=("src/",), ignore=("src/old/*",), languages=("python",))
    found = select(files, 24, wanted)
    assert found.reviewed == ("src/a.py",)
    assert found.skipped == {
        "src/b.go": "its language (go) is not among those that settings name",
        "lib/c.py": "not among the paths that settings name",
        "src/old/d.py": "ignored by settings",
    }


def test_code_that_was_added_is_worth_more_than_prose_tests_and_removals() -> None:
    text = ["value = compute(first, second)"] * 3
    code, test, prose = (
        worth(next(windows(file.hunks[0], 24)))
        for file in change({"a.py": text, "tests/test_a.py": text, "a.md": text})
    )
    assert code > test == prose > 0
    removed = parse_diff("--- a/a.py\n+++ b/a.py\n@@ -1 +0,0 @@\n-" + text[0] + "\n")
    assert 0 < worth(next(windows(removed[0].hunks[0], 24))) < code / 3


def test_the_best_window_of_every_file_comes_before_the_second_of_any() -> None:
    long = [f"value_{i} = compute({i})" for i in range(40)]
    files = change({"a.py": long, "b.py": ["x = 1"], "c.md": ["some words"], "d.py": ["y = 22"]})
    found = select(files, 8, ReviewSettings(most_windows=3))
    assert [window.path for window in found.windows] == ["a.py", "b.py", "d.py"]
    assert found.reviewed == ("a.py", "b.py", "d.py")
    assert list(found.skipped) == ["a.py", "c.md"]


def test_a_change_of_400_files_and_40000_lines_is_accounted_for_in_seconds() -> None:
    files = change(
        {f"pkg{n % 20}/module_{n}.py": [f"name_{i} = {i}" for i in range(100)] for n in range(400)}
    )
    begun = time.process_time()
    found = select(files, 24, ReviewSettings())
    assert time.process_time() - begun < 5
    assert len(found.windows) == 400 and len(found.reviewed) == 400
    assert all("over the budget of 400 windows a change" in why for why in found.skipped.values())
    assert set(found.skipped) == {file.path for file in files}


LINES = st.lists(st.sampled_from(["x = 1", "", "    y = call(1)"]), min_size=1, max_size=60)


@settings(max_examples=200)
@given(st.lists(LINES, max_size=6), st.integers(4, 24), st.integers(1, 12))
def test_whatever_the_budget_every_file_is_read_or_named(
    files: list[list[str]], window_lines: int, most: int
) -> None:
    told = change({f"f{at}.py": lines for at, lines in enumerate(files)})
    found = select(told, window_lines, ReviewSettings(most_windows=most))
    every = [w for file in told for hunk in file.hunks for w in windows(hunk, window_lines)]
    assert {*found.reviewed, *found.skipped} == {file.path for file in told}
    assert len(found.windows) == min(most, len(every))
    order = [every.index(window) for window in found.windows]
    assert order == sorted(order)
    read_in_whole = set(found.reviewed) - set(found.skipped)
    assert all(w in found.windows for w in every if w.path in read_in_whole)
