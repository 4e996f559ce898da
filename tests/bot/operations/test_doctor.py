"""`postil doctor`: what is missing, each with its mend."""

from pathlib import Path

import msgspec

from bot.operations.doctor import Check, examine
from bot.outcomes.tuned import TunedKind, Tuning
from finetune.adapters import Registry
from finetune.retrieval import make_retrieval
from postil.settings import Settings, TrainSettings
from tests.bot.tiny_home import TinyHome, run_postil
from tests.finetune.builders import FORCED, make_team

SETTINGS = Settings(repo="team/shop")


def checks(
    home: Path, settings: Settings = SETTINGS, environment: dict[str, str] | None = None
) -> dict[str, Check]:
    return {check.name: check for check in examine(settings, home, environment or {})}


def test_on_a_new_machine_the_next_steps_are_named(tmp_path: Path) -> None:
    found = checks(tmp_path / "new")
    absent = {name for name, check in found.items() if check.state == "absent"}
    assert absent == {
        "base model smollm2-135m", "store", "adapter", "webhook secret", "GITHUB_TOKEN",
        "inbox", "admin token",
    }  # fmt: skip
    assert all(check.mend for check in found.values() if check.state != "ok")
    assert {check.state for check in found.values()} == {"ok", "absent"}


def test_what_is_there_is_ok(tiny_home: TinyHome, tmp_path: Path) -> None:
    environment = {"POSTIL_WEBHOOK_SECRET": "x" * 64, "GITHUB_TOKEN": "y"}
    train = TrainSettings(base=str(tiny_home.base))
    found = checks(tiny_home.home, msgspec.structs.replace(SETTINGS, train=train), environment)
    assert found["adapter"].found == tiny_home.quoting.name
    assert found["webhook secret"].state == found["GITHUB_TOKEN"].state == "ok"
    assert found[f"base model {tiny_home.base}"].state == "ok"
    (tmp_path / "models" / "smollm2-135m-x").mkdir(parents=True)
    (tmp_path / "store.db").touch()
    found = checks(tmp_path)
    assert found["store"].state == found["base model smollm2-135m"].state == "ok"
    hub = msgspec.structs.replace(SETTINGS, train=TrainSettings(base="a/b@c"))
    assert checks(tmp_path, hub)["base model a/b@c"].state == "ok"


def test_retrieval_needs_no_base(tiny_home: TinyHome, tmp_path: Path) -> None:
    name = "base model smollm2-135m"
    remembers = msgspec.structs.replace(SETTINGS, train=TrainSettings(mode="retrieval"))
    assert checks(tmp_path, remembers)[name].found == "not needed: retrieval loads no model"
    assert checks(tiny_home.home, remembers)[name].state == "absent"  # a live one has weights
    memory = make_retrieval(make_team(20), Settings(), Registry(tmp_path), "team/shop").folder
    Registry(tmp_path).promote("team/shop", memory, FORCED)
    found = checks(tmp_path)
    assert found[name].state == "ok" and found["adapter"].found == memory.name


def test_what_is_broken_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "adapters/team/shop/one"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text("{")
    (folder.parent / "current").write_text("one")
    found = checks(tmp_path, environment={"POSTIL_WEBHOOK_SECRET": "short"})
    assert found["adapter"].state == "missing" and "damaged card.json" in found["adapter"].found
    assert found["webhook secret"].state == "missing"
    assert "at least" in found["webhook secret"].found
    (tmp_path / "file").touch()
    assert checks(tmp_path / "file")["POSTIL_HOME"].state == "missing"


def test_without_a_repository_the_adapter_cannot_be_told(tmp_path: Path) -> None:
    assert checks(tmp_path, Settings())["adapter"].found == "no repository is named"


def test_the_command_lists_them(tmp_path: Path) -> None:
    done = run_postil("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "ok      Python" in done.stdout and "mend: postil mine" in done.stdout
    (tmp_path / "file").touch()
    more = {"POSTIL_HOME": str(tmp_path / "file")}
    assert run_postil("doctor", cwd=tmp_path, more=more).returncode == 1


def test_what_outcomes_silence_is_told(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    made = make_retrieval(make_team(20), Settings(), registry, "team/shop").folder
    registry.promote("team/shop", made, FORCED)
    kinds = {"naming": TunedKind(threshold=None, reason="muted: nobody acts on them")}
    path = tmp_path / "tuning" / "team" / "shop" / f"{made.name}.json"
    path.parent.mkdir(parents=True)
    tuning = Tuning(repo="team/shop", adapter=made.name, kinds=kinds)
    path.write_bytes(msgspec.json.encode(tuning))
    assert checks(tmp_path)["outcomes"].found == "muted: nobody acts on them"
    path.write_text("{")
    assert checks(tmp_path)["outcomes"].state == "missing"
