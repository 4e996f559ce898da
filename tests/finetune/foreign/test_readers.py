"""Where rows lie: files of several kinds, folders of them, hubs; and damage to each."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pyarrow
import pytest
from pyarrow import parquet

from finetune.foreign.readers import part_named, read_rows
from postil.errors import ConfigError

LINE = b'{"instruction": "a", "response": "b"}\n'


def write_table(path: Path, rows: list[dict[str, Any]]) -> Path:
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", LINE + b"\n" + LINE),
        ("a.json", LINE * 2),
        ("a.json", b"\xef\xbb\xbf [\n" + LINE + b"," + LINE + b"]"),
        ("a.jsonl", b"\xef\xbb\xbf" + LINE * 2),
        ("a.jsonl.gz", gzip.compress(LINE * 2, mtime=0)),
        ("without_an_ending", LINE * 2),
    ],
)
def test_a_file_of_any_kind_gives_its_rows(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    rows = list(read_rows(tmp_path / name))
    assert [row.values for row in rows] == [{"instruction": "a", "response": "b"}] * 2


def test_parquet_gives_its_rows_with_lists_of_turns(tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "a"}], "n": 1}
    (read,) = read_rows(write_table(tmp_path / "a.parquet", [row]))
    assert read.values == row and read.where.endswith("a.parquet: row 1")


def test_a_folder_gives_all_its_files_and_the_parts_they_are_named_after(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    write_table(tmp_path / "test" / "0000.parquet", [{"q": "t"}])
    for name in ("train-00000-of-00001.jsonl", "validation.json", "more.jsonl", ".hidden.jsonl"):
        (tmp_path / name).write_bytes(LINE)
    for name in ("dataset_info.json", "README.md"):
        (tmp_path / name).write_text("{}")
    rows = {Path(row.file).name: row.part for row in read_rows(tmp_path)}
    assert rows == {
        "more.jsonl": None,
        "0000.parquet": "test",
        "train-00000-of-00001.jsonl": "train",
        "validation.json": "validation",
    }


def test_of_our_own_dataset_only_the_pairs_are_read(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_bytes(LINE)
    write_table(tmp_path / "train.parquet", [{"instruction": "a", "response": "b"}])
    assert [Path(row.file).name for row in read_rows(tmp_path)] == ["pairs.jsonl"]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", "train"),
        ("train_sft", "train"),
        ("Test-00001", "test"),
        ("dev", "validation"),
        ("law_val", "validation"),
        ("trains", None),
        ("latest", None),
        ("0000", None),
    ],
)
def test_parts_are_told_by_whole_words(name: str, part: str | None) -> None:
    assert part_named(name) == part


def test_a_hub_dataset_gives_its_splits_and_a_local_path_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hub(name: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        assert name == "owner/law@main"
        yield "train", [{"q": 1}]
        yield "test", [{"q": 2}]

    monkeypatch.chdir(tmp_path)
    rows = list(read_rows(Path("owner/law@main"), hub))
    assert [(row.part, row.where) for row in rows] == [
        ("train", "owner/law@main train: row 1"),
        ("test", "owner/law@main test: row 1"),
    ]
    (tmp_path / "owner").mkdir()
    (tmp_path / "owner" / "law@main").write_bytes(LINE)
    assert next(read_rows(Path("owner/law@main"), hub)).file == "owner/law@main"


def test_a_hub_that_is_out_of_reach_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    said = refused(Path("owner/no-such-set"))
    assert "owner/no-such-set: no such file or folder, and not to be had from the hub" in said
    assert caplog.records == []


@pytest.mark.parametrize("name", ["gone.jsonl", "data/gone.jsonl", "data/gone.parquet", "a/b/c"])
def test_a_missing_file_is_not_asked_of_a_hub(name: str) -> None:
    assert refused(Path(name)) == f"{name}: not there"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", LINE + b'{"instruction": "\xff"}', "a.jsonl:2: not a pair: not UTF-8"),
        ("a.json", b'[{"a": "\xe4"}]', "a.json: not a pair: not UTF-8"),
        ("a.jsonl", LINE + b'{"instr', "a.jsonl:2: not a pair: Input data was truncated"),
        ("a.json", b"[" + LINE, "a.json: not a pair: Input data was truncated"),
        ("a.json", b"[3]", "a.json: row 1: not a pair: no JSON object"),
        ("a.jsonl.gz", gzip.compress(LINE * 99, mtime=0)[:40], "damaged or cut short"),
        ("a.jsonl.gz", LINE, "damaged or cut short"),
        ("a.parquet", b"", "no whole Parquet file: Parquet file size is 0 bytes"),
        ("a.parquet", LINE, "no whole Parquet file: Parquet magic bytes not found"),
    ],
)
def test_damage_is_one_line_with_its_place(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert said in refused(tmp_path / name)


def test_a_truncated_parquet_file_is_one_line(tmp_path: Path) -> None:
    file = write_table(tmp_path / "a.parquet", [{"instruction": "a" * 50, "response": "b"}] * 99)
    whole = file.read_bytes()
    for cut in (len(whole) // 2, len(whole) - 3):
        file.write_bytes(whole[:cut])
        assert "no whole Parquet file" in refused(file)
    file.write_bytes(whole[:8] + b"z" * 60 + whole[68:])
    assert "no whole Parquet file" in refused(file)


def test_a_folder_without_data_says_what_is_read(tmp_path: Path) -> None:
    assert "no .jsonl, .json, .jsonl.gz, .json.gz, .parquet file in it" in refused(tmp_path)


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        list(read_rows(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)
