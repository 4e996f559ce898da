"""One adapter for several repositories: common weights, and nothing else in common."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from bot.model.adapter_info import read_info
from bot.model.remembering import read_voice
from finetune.adapters import Registry
from finetune.base_model import BaseModel
from finetune.cards import load_card
from finetune.commands import train
from finetune.gate import GATE_FILE
from finetune.pooling import gate_file, own_gate, pool, pooled_repo, shown_entries
from finetune.recall import INDEX_FILE, Recall, index_entries
from finetune.topics import TOPICS_FILE
from postil.errors import UsageError
from postil.records import Pair, write_jsonl
from tests.finetune.builders import make_team

SECRET = "Only harbour knows this"


def team_of(repo: str, seed: int, word: str = "") -> list[Pair]:
    return [
        replace(
            pair,
            repo=repo,
            id=f"{seed}-{pair.id}",
            url=f"https://example.org/{repo}/pull/{pair.pull}",
            response=f"{pair.response} {word}" if word and pair.kind == "remark" else pair.response,
        )
        for pair in make_team(pulls=24, seed=seed)
    ]


HARBOUR, SHOP = team_of("o/harbour", 3, SECRET), team_of("o/shop", 4)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, base: BaseModel) -> Path:
    """A home with an adapter that was pooled over two repositories."""
    home = tmp_path_factory.mktemp("pooled")
    for repo, pairs in (("o/harbour", HARBOUR), ("o/shop", SHOP)):
        (home / "datasets" / repo).mkdir(parents=True)
        write_jsonl(home / "datasets" / repo / "pairs.jsonl", pairs)
    words = ["--repo", "o/harbour", "--repo", "o/shop", "--pooled", "org", "--mode", "lora"]
    own = ["--base", str(base.folder), "--epochs", "0.1", "--home", str(home)]
    done = CliRunner().invoke(train, [*words, *own], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return home


@pytest.fixture(scope="module")
def adapter(home: Path) -> Path:
    (folder,) = Registry(home).list("o/+org")
    return folder


def messages(recall: Recall) -> Iterable[str]:
    return [entry.message for entry in recall.entries]


def test_the_card_names_them_and_each_has_a_gate_of_its_own(adapter: Path) -> None:
    card = load_card(adapter)
    assert card.pooled == ("o/harbour", "o/shop")
    assert {GATE_FILE, own_gate("o/harbour"), own_gate("o/shop")} <= card.files.keys()
    assert TOPICS_FILE not in card.files
    assert gate_file(card, "O/Shop", GATE_FILE) == own_gate("o/shop")
    assert gate_file(card, "other/shop", GATE_FILE) == GATE_FILE
    assert read_info(adapter, "o/shop")[1].adapter == adapter.name


def test_no_remark_of_one_is_shown_in_another(adapter: Path) -> None:
    card = load_card(adapter)
    whole = Recall.read(adapter / INDEX_FILE)
    assert {entry.repo for entry in whole.entries} == {"o/harbour", "o/shop"}
    own = read_voice(adapter, card, "o/harbour").recall
    assert own.entries and all(SECRET in message for message in messages(own))
    shop = read_voice(adapter, card, "o/shop").recall
    assert shop.entries and not any(SECRET in message for message in messages(shop))
    for stranger in ("o/third", "other/shop", ""):
        assert read_voice(adapter, card, stranger).recall.entries == []


def test_an_adapter_of_one_repository_is_as_it_was(adapter: Path) -> None:
    card = replace(load_card(adapter), pooled=())
    entries = index_entries(SHOP)
    assert {entry.repo for entry in entries} == {""}
    assert shown_entries(entries, card, "o/shop") == entries


def test_parts_and_names_stay_with_their_repositories() -> None:
    pooled = pool({"o/harbour": HARBOUR, "o/shop": SHOP})
    parts = {(pair.repo, pair.id): pair.split for pair in (*HARBOUR, *SHOP)}
    assert {(pair.repo, pair.id): pair.split for pair in pooled} == parts
    dates = [pair.decided_at for pair in pooled if pair.decided_at]
    assert dates == sorted(dates)


@pytest.mark.parametrize(
    "parts",
    [
        {"o/harbour": HARBOUR, "other/shop": [replace(p, repo="other/shop") for p in SHOP]},
        {"o/harbour": HARBOUR},
        {"o/harbour": HARBOUR, "o/shop": HARBOUR},
    ],
    ids=["two owners", "one repository", "foreign pairs"],
)
def test_what_may_not_be_put_together_is_refused(parts: dict[str, list[Pair]]) -> None:
    with pytest.raises(UsageError):
        pool(parts)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "+x", ".x"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        pooled_repo("o/shop", name)
