"""Records survive JSONL, and a bad line is named."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postil.errors import ConfigError, PayloadError
from postil.records import (
    AdapterCard,
    Change,
    Draft,
    Example,
    Pair,
    Record,
    Span,
    encode_line,
    read_jsonl,
    write_jsonl,
)

RECORDS: list[type[Record]] = [AdapterCard, Change, Draft, Example, Pair]
TIMES = st.datetimes(
    min_value=datetime(2000, 1, 1),
    max_value=datetime(2100, 1, 1),
    timezones=st.just(UTC),
)
SPANS = st.builds(
    lambda path, side, start, more: Span(path=path, side=side, start=start, end=start + more),
    st.text(max_size=9),
    st.sampled_from(["LEFT", "RIGHT"]),
    st.integers(1, 10**6),
    st.integers(0, 99),
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)  # JSON knows no others
for kind, strategy in ((datetime, TIMES), (Span, SPANS), (float, FINITE)):
    st.register_type_strategy(kind, strategy)


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_parses_back_from_its_line(kind: type[Record]) -> None:
    @settings(max_examples=30, deadline=None)
    @given(st.builds(kind))
    def check(record: Record) -> None:
        assert msgspec.json.decode(encode_line(record), type=kind) == record

    check()


def pair(number: int) -> Pair:
    return Pair(id=str(number), instruction="q", response="NO_COMMENT", decided_at=None)


def test_jsonl_is_written_whole_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    assert write_jsonl(file, (pair(i) for i in range(3))) == 3
    assert list(read_jsonl(file, Pair)) == [pair(i) for i in range(3)]
    assert [p.name for p in tmp_path.iterdir()] == ["pairs.jsonl"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"id": "2", "response": "x"}', "instruction"),
        ('{"id": "2", "instruction": "x", "response": "x", "colour": 1}', "colour"),
        ("{", "truncated"),
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path: Path, line: str, what: str) -> None:
    file = tmp_path / "pairs.jsonl"
    write_jsonl(file, [pair(1)])
    file.write_text(file.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=f"pairs.jsonl:2: not a Pair: .*{what}"):
        list(read_jsonl(file, Pair))


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.jsonl: cannot be read"):
        list(read_jsonl(tmp_path / "none.jsonl", Pair))


def span(start: int, end: int, side: str = "RIGHT") -> Span:
    return Span(path="a", side=side, start=start, end=end)  # type: ignore[arg-type]


def test_spans_overlap_with_both_ends_included() -> None:
    assert span(3, 5).overlaps(span(5, 7))
    assert not span(3, 5).overlaps(span(6, 7))
    assert not span(3, 5).overlaps(span(3, 5, "LEFT"))


def test_a_span_that_ends_before_it_starts_cannot_be_made() -> None:
    with pytest.raises(PayloadError, match="no span"):
        span(5, 4)
