"""The picture on a dataset's card shows what the dataset holds, in the same bytes each time."""

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from mining.built import Built
from mining.examples import Funnel
from mining.licence import Licence
from mining.overview import count_by, draw_overview, language_of, year_of
from postil.records import Pair, Window
from tests.mining.builders import day


def made(number: int, language: str = "python", author: str = "rita") -> Pair:
    window = Window(path=f"a{number}.py", language=language, lines=())
    return Pair(
        id=str(number),
        instruction="",
        response="R1\nName it.",
        tier="B",
        author=author,
        decided_at=day(number * 200),
        window=window,
    )


def built(*pairs: Pair) -> Built:
    reasons = Counter({"kept: tier B": len(pairs), "a reason that is long, very long indeed": 7})
    funnel = Funnel(remarks=reasons, windows=Counter(), teachers=Counter())
    licence = Licence(id="MIT", found="the setting")
    return Built(pairs=pairs, funnel=funnel, dropped=Counter(), licence=licence, sha256="0")


def words(path: Path) -> set[str]:
    return {e.text or "" for e in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")}


def test_it_shows_reasons_years_languages_and_people(tmp_path: Path) -> None:
    pairs = [made(1), made(2, "go"), made(3, author="sid")]
    draw_overview(built(*pairs), tmp_path / "one.svg")
    shown = words(tmp_path / "one.svg")
    assert {"kept: tier B", "python", "go", "rita", "sid", "2024", "2025", "tier B"} <= shown
    assert "a reason that is long, very long …" in shown
    draw_overview(built(*pairs), tmp_path / "two.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_a_dataset_without_remarks_can_be_drawn(tmp_path: Path) -> None:
    draw_overview(built(), tmp_path / "none.svg")
    assert "Languages" in words(tmp_path / "none.svg")


def test_counts_come_most_first() -> None:
    pairs = [made(1), made(2), made(3, "go"), made(4, "")]
    assert count_by(pairs, language_of) == [("python", 2), ("go", 1), ("other", 1)]
    assert sorted(count_by(pairs, year_of)) == [("2024", 1), ("2025", 2), ("2026", 1)]
