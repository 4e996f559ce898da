"""Rows of other domains become pairs: parts, duplicates, tallies, and training on them."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pyarrow
import pytest
from pyarrow import parquet

from finetune.base_model import BaseModel
from finetune.foreign_pairs import read_any_pairs
from finetune.training.samples import ForeignPair
from finetune.training.train import prepare, run
from mining.export import SHAPES, export_line
from postil.errors import ConfigError
from postil.records import write_jsonl
from postil.settings import TrainSettings
from tests.finetune.builders import make_team

FIRST_AID = Path(__file__).parents[2] / "examples" / "pairs" / "first-aid.jsonl"


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(msgspec.json.Encoder().encode_lines(rows))
    return path


def rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"question": f"Say {n}.", "answer": str(n)} for n in range(start, start + count)]


def parts(path: Path) -> Counter[str]:
    return Counter(pair.split for pair in read_any_pairs(path))


def test_a_tenth_is_held_out_where_no_part_is_named(tmp_path: Path) -> None:
    found = parts(write(tmp_path / "a.jsonl", rows(400)))
    assert set(found) == {"train", "validation"} and 25 < found["validation"] < 60


def test_all_answers_of_a_chat_are_in_one_part(tmp_path: Path) -> None:
    turns = [[f"q{n}", f"a{n}", "and then?", f"b{n}", "and then?", f"c{n}"] for n in range(60)]
    talks = [
        {
            "messages": [
                {"role": "assistant" if at % 2 else "user", "content": text}
                for at, text in enumerate(texts)
            ]
        }
        for texts in turns
    ]
    pairs = read_any_pairs(write(tmp_path / "a.jsonl", talks))
    assert len(pairs) == 180
    assert all(len({p.split for p in pairs[at : at + 3]}) == 1 for at in range(0, 180, 3))
    assert isinstance(pairs[2], ForeignPair) and len(pairs[2].before) == 4


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("train", "test"), {"train": 30, "validation": 10}),
        (("train", "validation", "test"), {"train": 30, "validation": 10, "test": 10}),
        (("more", "test"), {"train": 30, "validation": 10}),
        (("test",), {"test": 30}),
    ],
)
def test_a_named_held_out_part_is_kept_and_validation_wins(
    tmp_path: Path, files: tuple[str, ...], expected: dict[str, int]
) -> None:
    for at, name in enumerate(files):
        write(tmp_path / f"{name}.jsonl", rows(10 if at else 30, start=100 * at))
    assert parts(tmp_path) == expected


def test_a_row_is_used_once_and_held_out_where_any_of_its_copies_is(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", [*rows(20), *rows(5)])
    write(tmp_path / "validation.jsonl", rows(4, start=18))
    said: list[str] = []
    pairs = read_any_pairs(tmp_path, said.append)
    assert Counter(pair.split for pair in pairs) == {"train": 18, "validation": 4}
    assert said == [
        f"{tmp_path}/train.jsonl: 25 rows became 20 pairs; dropped: 5 duplicates",
        f"{tmp_path}/validation.jsonl: 4 rows became 2 pairs; dropped: 2 duplicates",
        f"{tmp_path}: 29 rows became 22 pairs; dropped: 7 duplicates (18 train, 4 validation)",
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_our_exports_come_back_with_their_parts_and_kinds(tmp_path: Path, shape: str) -> None:
    team = make_team(pulls=20)
    file = tmp_path / "export.jsonl"
    file.write_bytes(b"".join(export_line(pair, shape) for pair in team))
    once = {(p.instruction, p.response, p.split, p.kind): p for p in team}
    back = [(p.instruction, p.response, p.split, p.kind) for p in read_any_pairs(file)]
    assert back == list(once)


def test_our_own_records_come_back_unchanged(tmp_path: Path) -> None:
    team = make_team(pulls=5)
    write_jsonl(tmp_path / "pairs.jsonl", team)
    assert read_any_pairs(tmp_path / "pairs.jsonl") == team


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "no pairs in it"),
        ([{"prompt": "a", "completion": "b"}] * 2, "one pair in it; at least 2 are needed"),
        ([{"prompt": "a", "completion": ""}], ":1: not a pair: the field 'completion' is empty"),
        (
            [{"id": "1", "template": "1", "instruction": "a", "response": ""}],
            ":1: not a pair: its instruction or response is empty",
        ),
    ],
)
def test_too_little_is_one_line(tmp_path: Path, content: list[dict[str, Any]], said: str) -> None:
    assert said in refused(write(tmp_path / "a.jsonl", content))


def test_a_parquet_file_without_the_columns_names_those_it_has(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"title": ["a"], "body": ["b"]}), file)
    said = refused(file)
    assert said.startswith(f"{file}: row 1: not a pair: its fields are 'title', 'body'; one of")


def test_training_on_another_domain_lowers_its_held_out_loss(base: BaseModel) -> None:
    pairs = read_any_pairs(FIRST_AID)
    assert len(pairs) >= 60
    settings = TrainSettings(
        mode="lora", rank=8, batch=8, epochs=4, max_length=512, learning_rate=1e-2
    )
    prepared = prepare(pairs, settings, base)
    done = run(prepared, None, lambda _: None)
    assert prepared.plan.held_out > 4 and prepared.plan.trimmed == 0
    assert done.best_loss < 0.95 * done.first_loss


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_any_pairs(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)
