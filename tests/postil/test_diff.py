"""Diffs as numbered lines, against git itself and by hand-written cases."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postil.diff import FileDiff, Hunk, language_of, parse_diff, part_about, split_by_file, windows
from postil.errors import PayloadError
from postil.records import DiffLine

CASES = Path(__file__).parent / "golden"

LINES = st.lists(
    st.text(alphabet=st.sampled_from("ab +-@\\\t\rü漢"), max_size=6), min_size=0, max_size=14
)


def git_diff(folder: Path, before: str, after: str, name: str) -> str:
    old, new = folder / "old" / name, folder / "new" / name
    for path, text in ((old, before), (new, after)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    done = subprocess.run(
        ["git", "diff", "--no-index", "--text", f"old/{name}", f"new/{name}"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return done.stdout.decode()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=LINES, after=LINES, ended=st.booleans(), name=st.sampled_from(["a.py", "a b/ü.py"]))
def test_every_numbered_line_points_back_to_its_line_of_the_file(
    tmp_path: Path, before: list[str], after: list[str], ended: bool, name: str
) -> None:
    old, new = "\n".join(before) + "\n", "\n".join(after) + ("\n" if ended else "")
    files = parse_diff(git_diff(tmp_path, old, new, name))
    old_lines, new_lines = old.split("\n"), new.split("\n")
    for file in files:
        assert file.path == f"new/{name}"
        for line in (line for hunk in file.hunks for line in hunk.lines):
            if line.old is not None:
                assert old_lines[line.old - 1] == line.text
            if line.new is not None:
                assert new_lines[line.new - 1] == line.text
    if old != new:
        assert files and files[0].hunks


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=LINES, second=LINES)
def test_a_diff_split_by_file_says_the_same_file_by_file(
    tmp_path: Path, first: list[str], second: list[str]
) -> None:
    texts = {"a.py": "\n".join(first), "b ü/c.py": "diff --git \n".join(second) + "\n"}
    diff = "".join(git_diff(tmp_path, "@@ -1 +1 @@\n", text, name) for name, text in texts.items())
    whole = parse_diff(diff)
    parts = split_by_file(diff)
    assert tuple(file for part in parts for file in parse_diff(part)) == whole
    for file in whole:
        assert parse_diff(part_about(parts, file.old_path)) == (file,)


def test_a_renamed_file_is_split_off_under_its_old_name() -> None:
    text = (
        "diff --git a/old.py b/new.py\nsimilarity index 90%\nrename from old.py\n"
        "rename to new.py\n--- a/old.py\n+++ b/new.py\n@@ -1 +1 @@\n-x\n+y\n"
        "diff --git a/p.png b/p.png\nindex 1..2 100644\nBinary files a/p.png and b/p.png differ\n"
    )
    parts = split_by_file(text)
    assert [part_about(parts, name) for name in ("old.py", "p.png", "new.py", "py")] == [
        *parts,
        "",
        "",
    ]
    assert split_by_file("") == []


@given(
    kinds=st.lists(st.sampled_from("+- "), min_size=1, max_size=120),
    texts=st.lists(st.sampled_from(["", "x", "    y", "def f():"]), min_size=120, max_size=120),
    size=st.integers(4, 40),
)
def test_windows_hold_every_line_once_and_each_a_change(
    kinds: list[str], texts: list[str], size: int
) -> None:
    lines = tuple(
        DiffLine(kind=kind, text=text, old=i, new=i)  # type: ignore[arg-type]
        for i, (kind, text) in enumerate(zip(kinds, texts, strict=False), 1)
    )
    cut = list(windows(Hunk(path="a.py", lines=lines), size))
    if set(kinds) == {" "}:
        assert cut == []
        return
    assert tuple(line for window in cut for line in window.lines) == lines
    assert all(any(line.kind != " " for line in window.lines) for window in cut)


def test_windows_stay_near_their_size_when_everything_changed() -> None:
    lines = tuple(DiffLine(kind="+", text=f"x{i}", new=i) for i in range(1, 500))
    assert max(len(w.lines) for w in windows(Hunk(path="a", lines=lines), 24)) <= 24


def one(text: str) -> FileDiff:
    (file,) = parse_diff(text)
    return file


def test_a_rename_with_a_quoted_name_keeps_both_paths() -> None:
    file = one(
        'diff --git a/old name.py "b/n\\303\\251.py"\nsimilarity index 80%\n'
        'rename from old name.py\nrename to "n\\303\\251.py"\n'
        '--- a/old name.py\t\n+++ "b/n\\303\\251.py"\n@@ -1 +1 @@\n-x\n+y\n'
    )
    assert (file.change, file.old_path, file.path) == ("renamed", "old name.py", "né.py")


def test_a_pure_rename_a_mode_change_and_a_binary_file_have_no_hunks() -> None:
    files = parse_diff(
        "diff --git a/a b/b\nsimilarity index 100%\nrename from a\nrename to b\n"
        "diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n"
        "diff --git a/p.png b/p.png\nindex 1..2 100644\nBinary files a/p.png and b/p.png differ\n"
    )
    assert [(f.path, f.change, f.binary, f.hunks) for f in files] == [
        ("b", "renamed", False, ()),
        ("run.sh", "modified", False, ()),
        ("p.png", "modified", True, ()),
    ]


def test_new_and_deleted_files_have_lines_on_one_side_only() -> None:
    files = parse_diff(
        "diff --git a/n b/n\nnew file mode 100644\n"
        "--- /dev/null\n+++ b/n\n@@ -0,0 +1,2 @@\n+a\n+b\n"
        "diff --git a/d b/d\ndeleted file mode 100644\n--- a/d\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"
    )
    assert [(f.path, f.change) for f in files] == [("n", "added"), ("d", "deleted")]
    assert [line.new for line in files[0].hunks[0].lines] == [1, 2]
    assert [line.old for line in files[1].hunks[0].lines] == [1]


def test_an_empty_new_file_has_its_name() -> None:
    file = one("diff --git a/e.py b/e.py\nnew file mode 100644\nindex 0000000..e69de29\n")
    assert (file.path, file.change, file.hunks) == ("e.py", "added", ())


def test_a_carriage_return_stays_part_of_its_line() -> None:
    file = one("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\r\n+b\r\n")
    assert [line.text for line in file.hunks[0].lines] == ["a\r", "b\r"]


def test_no_newline_markers_are_no_lines() -> None:
    file = one(
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n"
        "+b\n\\ No newline at end of file\n"
    )
    assert [line.text for line in file.hunks[0].lines] == ["a", "b"]


def test_lines_that_look_like_headers_stay_inside_their_hunk() -> None:
    file = one("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- old\n+++ new\n-diff --git\n+@@ -1 +1 @@\n")
    assert [line.text for line in file.hunks[0].lines] == [
        "-- old",
        "++ new",
        "diff --git",
        "@@ -1 +1 @@",
    ]


def test_several_hunks_keep_their_numbers() -> None:
    file = one("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n@@ -9,2 +9,3 @@ def f():\n c\n+d\n e\n")
    assert [(line.old, line.new) for line in file.hunks[1].lines] == [(9, 9), (None, 10), (10, 11)]


def test_an_empty_diff_has_no_files() -> None:
    assert parse_diff("") == ()
    assert parse_diff("\n") == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("diff --cc x\nindex 1,2..3\n", "combined diff"),
        ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@@ -1 -1 +1 @@@\n--a\n", "combined diff"),
        ("--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n", "ends too early"),
        ("--- a/x\n+++ b/x\n@@ -1,2 +1,1 @@\n a\n b\n", "longer than its header"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n?a\n", "not a diff line"),
        ("@@ -1 +1 @@\n-a\n+b\n", "before any file header"),
        ("hello\n", "no file header"),
    ],
)
def test_what_is_no_diff_is_refused_in_one_line(text: str, what: str) -> None:
    with pytest.raises(PayloadError, match=what) as caught:
        parse_diff(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_diff("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n" + text)
    except PayloadError:
        return


def test_languages_go_by_the_file_name() -> None:
    assert [language_of(p) for p in ("a/B.PY", "x.rs", "Makefile")] == ["python", "rust", "other"]
