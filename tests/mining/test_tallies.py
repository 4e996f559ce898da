"""The counts of a dataset lie beside it and tell which pairs they belong to."""

from collections import Counter
from pathlib import Path

import pytest

from mining.built import Built
from mining.examples import Funnel
from mining.licence import Licence
from mining.tallies import read_tallies, tallies_of, write_tallies
from postil.errors import ConfigError
from postil.records import Pair


def built() -> Built:
    pairs = tuple(
        Pair(id=str(n), instruction="q", response="a", split=split, kind=kind)  # type: ignore[arg-type]
        for n, (split, kind) in enumerate(
            [("train", "remark"), ("train", "remark"), ("train", "silence"), ("test", "ambiguous")]
        )
    )
    funnel = Funnel(remarks=Counter({"kept: tier A": 2, "too short": 1}))
    licence = Licence(id="MIT", found="the setting")
    return Built(pairs=pairs, funnel=funnel, dropped=Counter(), licence=licence, sha256="ab")


def test_counts_are_read_back_for_the_same_pairs_only(tmp_path: Path) -> None:
    path = tmp_path / "tallies.json"
    assert read_tallies(path, "ab") is None
    write_tallies(path, tallies_of(built()))
    found = read_tallies(path, "ab")
    assert found is not None
    assert found.remarks == {"kept: tier A": 2, "too short": 1}
    assert found.parts == {"train": {"remark": 2, "silence": 1}, "test": {"ambiguous": 1}}
    assert read_tallies(path, "cd") is None


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "tallies.json").write_text("[]")
    with pytest.raises(ConfigError, match="build the dataset anew"):
        read_tallies(tmp_path / "tallies.json", "ab")
