import os
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from finetune.adapters import Registry, _remove_if_left
from finetune.cards import CARD, WEIGHTS, check_weights, digest_card, load_card
from postil.errors import AdapterError
from postil.prompt import TEMPLATE
from postil.records import AdapterCard
from tests.finetune.builders import FORCED


def card(**more: object) -> AdapterCard:
    values: dict[str, object] = {
        "name": "one",
        "repo": "o/r",
        "base": "tiny",
        "base_revision": "local",
        "base_sha256": "0" * 64,
        "template": TEMPLATE,
        "window_lines": 24,
        "max_length": 512,
        "data_sha256": "1" * 64,
        "pairs": 2,
        "mode": "qlora",
        "scoring": {"precision": "nf4"},
        "seed": 7,
        "libraries": {},
        "files": {},
        "metrics": {},
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return AdapterCard(**(values | more))  # type: ignore[arg-type]


def publish(registry: Registry, value: float = 1.0, **more: object) -> Path:
    with registry.workspace("o/r") as made:
        save_file({"a": torch.full((4, 4), value), "b": torch.zeros(2)}, made / WEIGHTS)
        return registry.publish(made, card(**more))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


def test_a_published_adapter_is_whole_and_verified(registry: Registry) -> None:
    folder = publish(registry)
    assert folder.parent == registry.root / "o" / "r"
    assert set(load_card(folder).files) == {WEIGHTS}
    check_weights(folder)
    assert list(registry.list("o/r")) == [folder]


def test_publishing_the_same_again_changes_nothing(registry: Registry) -> None:
    assert publish(registry) == publish(registry)
    assert len(list((registry.root / "o/r").iterdir())) == 1


def test_what_a_killed_run_left_is_removed_and_a_living_one_is_not(registry: Registry) -> None:
    code = (
        "import pathlib, sys, time; from finetune.adapters import Registry\n"
        "with Registry(pathlib.Path(sys.argv[1])).workspace('o/r') as folder:\n"
        "    (folder / 'half').touch(); print(folder, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(registry.root.parent)]
    killed, living = (subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in "ab")
    folders = []
    for process in (killed, living):
        assert process.stdout is not None
        folders.append(Path(process.stdout.readline().strip()))
        os.utime(folders[-1], (1, 1))
    killed.kill()
    killed.wait()
    with registry.workspace("o/r") as mine:
        there = set((registry.root / "o/r").iterdir())
    living.kill()
    living.wait()
    for process in (killed, living):
        assert process.stdout is not None
        process.stdout.close()
    assert there == {folders[1], mine}


def test_a_new_folder_is_left_to_the_run_that_just_made_it(registry: Registry) -> None:
    new = registry.folder("o/r") / ".making-new"
    new.mkdir(parents=True)
    with registry.workspace("o/r"):
        assert new.exists()
    _remove_if_left(registry.root / "gone meanwhile")


def test_a_pointer_to_an_adapter_that_was_removed_is_one_clear_line(registry: Registry) -> None:
    folder = publish(registry)
    registry.promote("o/r", folder, FORCED)
    shutil.rmtree(folder)
    with pytest.raises(AdapterError, match="the current adapter is gone; promote another"):
        registry.current("o/r")


def test_one_flipped_bit_is_refused(registry: Registry) -> None:
    folder = publish(registry)
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(AdapterError, match=r"adapter_model\.safetensors: damaged"):
        load_card(folder)


def test_a_missing_file_is_refused(registry: Registry) -> None:
    folder = publish(registry)
    (folder / WEIGHTS).unlink()
    with pytest.raises(AdapterError, match="missing"):
        load_card(folder)


@pytest.mark.parametrize("name", ["adapter_model.bin", "optimizer.pt", "gate.pkl"])
def test_a_pickle_beside_the_weights_is_refused(registry: Registry, name: str) -> None:
    folder = publish(registry)
    (folder / name).write_bytes(b"\x80\x04")
    with pytest.raises(AdapterError, match="pickled weights are refused"):
        load_card(folder)


def test_a_file_that_the_card_does_not_name_is_refused(registry: Registry) -> None:
    folder = publish(registry)
    (folder / "gate.json").write_text("{}")
    with pytest.raises(AdapterError, match=r"gate\.json: not named by the card"):
        load_card(folder)


def test_weights_that_are_not_finite_are_refused_though_their_hash_is_right(
    registry: Registry,
) -> None:
    folder = publish(registry, float("nan"))
    load_card(folder)
    with pytest.raises(AdapterError, match="a holds values that are not finite"):
        check_weights(folder)


def test_a_folder_without_weights_says_so(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="not a safetensors file"):
        check_weights(tmp_path)


def test_another_template_is_refused(registry: Registry) -> None:
    folder = publish(registry, template="postil-0")
    with pytest.raises(AdapterError, match=f"made for template postil-0, this is {TEMPLATE}"):
        load_card(folder)


@pytest.mark.parametrize("content", ["", "{", '{"name": "x"}'])
def test_a_damaged_card_is_one_line(registry: Registry, content: str) -> None:
    folder = publish(registry)
    (folder / CARD).write_text(content)
    with pytest.raises(AdapterError, match=r"damaged card\.json"):
        load_card(folder)


def test_no_card_is_no_adapter(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="no adapter"):
        load_card(tmp_path)


@pytest.mark.parametrize("repo", ["../x", "a/../../b", "/etc", "", "a b"])
def test_a_repository_name_cannot_leave_the_registry(registry: Registry, repo: str) -> None:
    with pytest.raises(AdapterError, match="not a repository name"):
        registry.folder(repo)


def test_promotion_and_the_way_back(registry: Registry) -> None:
    first, second = publish(registry, 1), publish(registry, 2)
    assert registry.current("o/r") is None
    with pytest.raises(AdapterError, match="no earlier adapter"):
        registry.rollback("o/r")
    registry.promote("o/r", first, FORCED)
    registry.promote("o/r", second, FORCED)
    assert registry.current("o/r") == second
    assert registry.rollback("o/r") == first
    assert registry.current("o/r") == first


def test_the_card_keeps_what_it_was_promoted_against(registry: Registry) -> None:
    first, second = publish(registry, 1), publish(registry, 2)
    order = list(registry.list("o/r"))
    registry.promote("o/r", second, FORCED)
    watched = msgspec.structs.replace(FORCED, how="shadow")
    registry.promote("o/r", first, watched)
    registry.rollback("o/r")
    cards = [load_card(folder) for folder in (first, second)]
    assert [card.promotion for card in cards] == [watched, FORCED]
    assert list(registry.list("o/r")) == order, "as old as they were"
    assert [digest_card(card) for card in cards] == [first.name, second.name]


def test_a_damaged_adapter_is_not_promoted(registry: Registry) -> None:
    first, second = publish(registry, 1), publish(registry, 2)
    registry.promote("o/r", first, FORCED)
    (second / WEIGHTS).write_bytes(b"")
    with pytest.raises(AdapterError, match="damaged"):
        registry.promote("o/r", second, FORCED)
    assert registry.current("o/r") == first


def test_an_adapter_is_found_by_the_start_of_its_digest(registry: Registry) -> None:
    folder = publish(registry)
    publish(registry, 2)
    assert registry.find("o/r", folder.name[:6]) == folder
    with pytest.raises(AdapterError, match=f"no single adapter ''; there are: .*{folder.name}"):
        registry.find("o/r", "")


def test_readers_see_one_adapter_or_the_other_while_it_is_switched(registry: Registry) -> None:
    folders = [publish(registry, value) for value in (1, 2)]
    registry.promote("o/r", folders[0], FORCED)
    stop = threading.Event()

    def switch() -> None:
        while not stop.is_set():
            for folder in folders:
                registry.promote("o/r", folder, FORCED)

    writer = threading.Thread(target=switch)
    writer.start()
    try:
        for _ in range(200):
            current = registry.current("o/r")
            assert current in folders
            assert current is not None
            assert load_file(current / WEIGHTS)["a"][0, 0] == folders.index(current) + 1
    finally:
        stop.set()
        writer.join()


def test_the_card_reads_as_it_was_written(registry: Registry) -> None:
    folder = publish(registry, metrics={"held_out_loss": 1.5})
    read = load_card(folder)
    assert msgspec.structs.replace(read, files={}) == card(metrics={"held_out_loss": 1.5})


def publish_many(registry: Registry, count: int) -> list[Path]:
    """Adapters whose cards are a minute apart, oldest first."""
    folders = [publish(registry, value) for value in range(1, count + 1)]
    for at, folder in enumerate(folders):
        os.utime(folder / CARD, (at * 60, at * 60))
    return folders


def test_pruning_leaves_the_newest_the_current_and_the_one_before(registry: Registry) -> None:
    folders = publish_many(registry, 6)
    registry.promote("o/r", folders[1], FORCED)
    registry.promote("o/r", folders[0], FORCED)
    sizes = [sum(p.stat().st_size for p in folder.iterdir()) for folder in folders]
    planned = registry.prune("o/r", 2, dry_run=True)
    assert all(folder.exists() for folder in folders)
    removed = registry.prune("o/r", 2)
    assert removed == planned
    assert [(one.name, one.size) for one in removed] == [
        (folders[at].name, sizes[at]) for at in (2, 3)
    ]
    assert set(registry.list("o/r")) == {folders[at] for at in (0, 1, 4, 5)}
    assert registry.rollback("o/r") == folders[1]
    assert registry.prune("o/r", 2) == registry.prune("new/one", 2) == ()


def test_what_a_killed_pruning_left_is_removed_by_the_next(registry: Registry) -> None:
    folder = publish(registry)
    folder.rename(folder.with_name(f".gone-{folder.name}"))
    assert list(registry.list("o/r")) == []
    registry.prune("o/r", 1)
    assert not list(registry.folder("o/r").glob(".gone-*"))


def test_a_reader_sees_a_whole_adapter_or_none_while_it_is_pruned(registry: Registry) -> None:
    kept = publish(registry, 0)
    registry.promote("o/r", kept, FORCED)
    os.utime(kept / CARD, (2**31, 2**31))  # the newest, whatever comes
    stop = threading.Event()
    latest = [kept]

    def churn() -> None:
        for value in range(1, 60):
            latest[0] = publish(registry, value)
            registry.prune("o/r", 1)
        stop.set()

    writer = threading.Thread(target=churn)
    writer.start()
    whole = 0
    while not stop.is_set():
        try:
            load_card(latest[0])
            whole += 1
        except AdapterError:  # gone, in one line
            continue
    writer.join()
    assert whole
    assert list(registry.list("o/r")) == [kept]
