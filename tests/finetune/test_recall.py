"""Which past remarks fit, where, and as known when."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from finetune.recall import Recall, _content, index_entries, window_text, write_index
from postil.answer import DELETE, REPLACE, Anchor
from postil.errors import ConfigError
from tests.finetune.builders import day, make_pair, make_team, make_window

EXCEPT = make_window("+try:", "+    load(name)", "+except:", "+    pass")
PRINT = make_window("+for row in rows:", "+    print(row)", path="tools/show.py")


def make_recall() -> Recall:
    pairs = [
        make_pair(EXCEPT, "Name the exception.", 3, decided_at=day(1), pull=1),
        make_pair(PRINT, "Use the logger.", 2, decided_at=day(2), pull=2),
    ]
    return Recall(index_entries(pairs))


def test_the_remark_on_the_most_similar_code_comes_first_with_its_row() -> None:
    new = make_window(" def read():", "+    try:", "+        fetch(url)", "+    except:", "+  x()")
    first, *_ = make_recall().similar(new, before=None)
    assert first.entry.message == "Name the exception."
    assert first.anchor(new) == Anchor(side="R", start=4, end=4)
    assert first.row_similarity == pytest.approx(1.0)
    assert 0 < first.similarity < 1


def test_the_same_window_is_wholly_similar_and_foreign_code_not_at_all() -> None:
    recall = make_recall()
    assert recall.similar(EXCEPT, None)[0].similarity == pytest.approx(1.0)
    assert recall.similar(make_window("+zzz", path="q"), None) == []


def test_only_what_was_decided_strictly_before_is_found() -> None:
    recall = make_recall()
    assert recall.similar(EXCEPT, day(1)) == []
    assert [m.entry.pull for m in recall.similar(PRINT, day(2))] == [1]
    assert recall.history(PRINT.path, day(2)) == (0, 0)
    assert recall.history(PRINT.path, day(3)) == (1, 1)
    assert recall.history("tools/other.py", day(3)) == (0, 1)


def test_what_is_decided_later_changes_no_figure_of_what_was_known() -> None:
    pairs = make_team()
    entries = index_entries([pair for pair in pairs if pair.split == "train"])
    past = [entry for entry in entries if entry.decided_at and entry.decided_at < day(15)]
    for pair in pairs[:100:7]:
        assert pair.window is not None
        whole = Recall(entries).similar(pair.window, day(15))
        assert whole == Recall(past).similar(pair.window, day(15))


def test_scores_are_those_of_bm25s() -> None:
    bm25s = pytest.importorskip("bm25s", reason="bm25s is a development dependency")
    recall = Recall(index_entries(make_team()))
    corpus = [_content(entry.path, entry.text) for entry in recall.entries]
    oracle = bm25s.BM25(method="lucene", k1=1.5, b=0.75, dtype="float64")
    oracle.index(corpus, show_progress=False)
    query = sorted(set(_content(EXCEPT.path, window_text(EXCEPT))))
    known = [token for token in query if token in recall._postings]
    expected = oracle.get_scores(known)
    np.testing.assert_allclose(recall._scores(query, len(corpus)), expected, rtol=1e-6)


def test_an_index_read_back_is_the_same_and_names_no_author(tmp_path: Path) -> None:
    entries = index_entries(make_team())
    path = tmp_path / "index.jsonl"
    assert write_index(path, entries) == len(entries) > 10
    assert sorted(Recall.read(path).entries, key=str) == sorted(entries, key=str)
    assert b"ann" not in path.read_bytes().replace(b"channel", b"")


def test_a_broken_line_of_an_index_is_named(tmp_path: Path) -> None:
    path = tmp_path / "index.jsonl"
    path.write_text('{"message": "x"}\n')
    with pytest.raises(ConfigError, match=r"index\.jsonl:1"):
        Recall.read(path)


def test_remarks_of_the_training_part_are_indexed_also_where_their_commit_is_gone() -> None:
    remark: dict[str, Any] = {"message": "Name it.", "row": 3}
    pairs = [
        make_pair(EXCEPT, **remark, url="there"),
        make_pair(EXCEPT, **remark, split="test"),
        make_pair(EXCEPT, **remark, url="gone", located=False),
        make_pair(EXCEPT, message=REPLACE, row=3),
        make_pair(EXCEPT, message=DELETE, row=3),
        make_pair(EXCEPT, **remark, kind="ambiguous"),
        make_pair(EXCEPT),
        msgspec.structs.replace(make_pair(EXCEPT, **remark), window=None),
    ]
    entries = index_entries(pairs)
    assert [(entry.url, entry.rows()) for entry in entries] == [
        ("there", ["except:"]),
        ("gone", ["except:"]),
    ]


def test_an_empty_index_finds_nothing() -> None:
    assert Recall([]).similar(EXCEPT, None) == []
    assert Recall([]).history("a.py", day(1)) == (0, 0)


def test_an_entry_without_a_date_counts_only_when_no_time_is_given() -> None:
    recall = Recall(index_entries([make_pair(EXCEPT, "Name it.", 3, decided_at=None)]))
    assert recall.similar(EXCEPT, day(900)) == []
    assert len(recall.similar(EXCEPT, None)) == 1


def test_a_match_tells_where_it_comes_from() -> None:
    match = make_recall().similar(EXCEPT, None)[0]
    assert match.resemblance().url == "https://example.org/o/r/pull/1#r1"
    assert match.resemblance().when == day(1)


def test_a_match_is_shown_with_the_first_row_it_stood_on() -> None:
    precedent = make_recall().similar(EXCEPT, None)[0].precedent()
    assert precedent.code.strip() == "except:"
    assert precedent.message == "Name the exception."
