"""Names that a window defines, in several languages; everything doubtful is left alone."""

import pytest

from finetune.augment.identifiers import code_of, declared_names, defined_names, parts_of
from postil.records import Window
from tests.finetune.builders import make_window


def names(*rows: str, language: str = "python", path: str = "app/jobs.py") -> list[str]:
    window = make_window(*(f"+{row}" for row in rows), path=path)
    return defined_names(Window(path=path, language=language, lines=window.lines))


@pytest.mark.parametrize(
    ("language", "row", "found"),
    [
        ("python", "count = 1", ["count"]),
        ("python", "self.count = count", ["count"]),
        ("python", "head, tail = split()", ["head", "tail"]),
        ("python", "count: int = 1", ["count"]),
        ("python", "for row, cell in rows:", ["row", "cell"]),
        ("python", "with open(name) as source:", ["source"]),
        ("python", "async def read_rows(source, limit=3):", ["read_rows", "source", "limit"]),
        ("javascript", "const rowCount = rows.length;", ["rowCount"]),
        ("javascript", "export function readRows(source) {", ["readRows", "source"]),
        ("java", "final String userName = read();", ["userName"]),
        ("go", "count := len(rows)", ["count"]),
        ("rust", "let mut count = 0;", ["count"]),
        ("cpp", "std::vector<int> counts = read();", ["counts"]),
    ],
)
def test_what_is_defined_is_found(language: str, row: str, found: list[str]) -> None:
    assert names(row, language=language) == found


@pytest.mark.parametrize(
    "rows",
    [
        ("return count",),
        ("if count == 1:",),
        ("import numpy as array_tools",),
        ("subprocess.run(command, shell=True)",),
        ("subprocess.run(", "    command,", "    encoding = name,", ")"),
        ("subprocess.run(command,", "    encoding = name)"),
        ("encoding = 'utf-8'", "open(path, encoding=encoding)"),
        ("count = 1", "total = rows.count()"),
        ("count = 1", "# the count of all rows"),
        ("count = 1", "log('count')"),
        ("clone_depth = 1", "read('clone-depth')"),
        ("depth = 1", "read('clone-depth')"),
        ("def test_reading():",),
        ("def __init__(self):",),
        ("value = 1",),
        ("jobs = 1",),
        ("  Read count from the file.",),
        ("<remote name='x' fetch='y'>",),
    ],
    ids=str,
)
def test_what_may_come_from_elsewhere_is_left_alone(rows: tuple[str, ...]) -> None:
    assert not set(names(*rows)) & {
        "count", "array_tools", "shell", "encoding", "clone_depth", "depth", "test_reading",
        "__init__", "value", "jobs", "name", "fetch",
    }  # fmt: skip


@pytest.mark.parametrize("language", ["markdown", "yaml", "other", "text"])
def test_prose_and_configuration_have_no_names(language: str) -> None:
    assert names("count = 1", language=language) == []


def test_declarations_are_functions_and_classes() -> None:
    assert declared_names(make_window("+def Execute(self):", "+count = 1", " class Rows:")) == {
        "Execute",
        "Rows",
    }


def test_strings_comments_and_prose_are_no_code() -> None:
    assert code_of("count = 'a # b'  # the rest").split() == ["count", "="]
    assert code_of("    Read the rows of a file.") == ""
    assert code_of("return not rows and cells") == "return not rows and cells"


def test_a_name_is_made_of_words() -> None:
    assert parts_of("user_names, readRows") == {"user", "nam", "read", "row"}
