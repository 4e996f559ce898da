"""What is decided or kept for one repository is nothing to another."""

from pathlib import Path

from bot.door.inbox import Inbox
from bot.model.opening import find_for
from bot.work.pauses import Pauses
from finetune.adapters import Registry
from finetune.retraining.ledger import Ledger, Tried
from postil.records import Draft
from tests.finetune.builders import FORCED, day
from tests.finetune.test_adapters import card

A, B = "o/harbour", "o/shop"


def add(registry: Registry, repo: str) -> Path:
    with registry.workspace(repo) as made:
        (made / "gate.json").write_text(repo)
        folder = registry.publish(made, card(repo=repo))
    registry.promote(repo, folder, FORCED)
    return folder


def test_a_pause_is_of_one_pull_request_of_one_repository(inbox: Inbox) -> None:
    pauses = Pauses(inbox.database)
    pauses.pause(A, 7, "ada")
    assert (pauses.by(A, 7), pauses.by(B, 7), pauses.by(A, 8)) == ("ada", "", "")


def test_a_draft_is_of_one_repository(inbox: Inbox) -> None:
    draft = Draft(
        repo=A, pull=7, head_sha="f" * 40, adapter="x", findings=(), reviewed=(), skipped={}
    )
    inbox.save_draft(draft)
    assert inbox.draft(B, 7, "f" * 40) is None and inbox.unposted(B) == []


def test_an_adapter_a_candidate_and_a_record_are_of_one_repository(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    ours = add(registry, A)
    assert find_for(tmp_path, B, 1, 0.5) is None
    theirs = add(registry, B)
    with registry.workspace(A) as made:
        (made / "gate.json").write_text("candidate")
        candidate = registry.publish(made, card(repo=A))
    registry.stage(A, candidate, FORCED)
    found = {find_for(tmp_path, A, number, 0.5) for number in range(40)}
    assert found == {ours, candidate}
    assert {find_for(tmp_path, B, number, 0.5) for number in range(40)} == {theirs}
    Ledger(tmp_path, A).note_try(Tried(at=day(1), failed=False))
    assert Ledger(tmp_path, B).tried() is None


def test_an_adapter_pooled_by_one_owner_is_found_under_no_other(tmp_path: Path) -> None:
    pooled = add(Registry(tmp_path), "o/+org")
    assert find_for(tmp_path, "o/+org", 1, 0.0) == pooled
    assert find_for(tmp_path, "other/+org", 1, 0.0) is None
