"""What a start reads in place of quantising is what quantising gives, or is not read."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from finetune import base_model, kept_nf4, loaded_base
from finetune.base_model import BaseModel
from finetune.embedded_base import EMBEDDED, FOLDER
from finetune.loaded_base import load_base
from tests.fakes import tiny_base


@pytest.fixture
def embedded(tmp_path: Path) -> BaseModel:
    """A tiny base in the folder of the embedded one."""
    return tiny_base(tmp_path / "models" / FOLDER, seed=1)


def kept(base: BaseModel) -> list[Path]:
    return sorted(base.folder.parent.glob("*.nf4-*"))


@pytest.fixture
def unquantised(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on, quantising fails the test."""

    def forbid() -> None:
        monkeypatch.setattr(loaded_base, "_nf4", lambda *_, **__: pytest.fail("quantised again"))

    return forbid


def same(first: Any, second: Any) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(
        torch.equal(ours[name], theirs[name]) and ours[name].dtype == theirs[name].dtype
        for name in ours
    )


@pytest.mark.parametrize(("precision", "dtype"), [("nf4", "bfloat16"), ("nf4-fp32", "float32")])
def test_the_second_start_has_the_same_values_and_quantises_nothing(
    embedded: BaseModel, unquantised: Callable[[], None], precision: Any, dtype: str
) -> None:
    first = load_base(embedded, precision)
    assert [path.name for path in kept(embedded)] == [
        f"{embedded.folder.name}.nf4-{dtype}.safetensors"
    ]
    unquantised()
    second = load_base(embedded, precision)
    assert same(first, second)
    assert not any(parameter.requires_grad for parameter in second.parameters())


def test_both_types_are_kept_beside_each_other(embedded: BaseModel) -> None:
    one, other = load_base(embedded, "nf4"), load_base(embedded, "nf4-fp32")
    assert len(kept(embedded)) == 2
    assert same(one, load_base(embedded, "nf4"))
    assert same(other, load_base(embedded, "nf4-fp32"))


def test_nothing_is_put_beside_a_folder_of_the_users(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "models", seed=1)
    load_base(base, "nf4")
    assert kept(base) == []


def test_values_of_other_weights_are_not_read(embedded: BaseModel) -> None:
    load_base(embedded, "nf4")
    before = kept(embedded)[0].stat().st_ino
    load_base(msgspec.structs.replace(embedded, sha256="0" * 64), "nf4")
    assert kept(embedded)[0].stat().st_ino != before


def test_values_of_another_version_of_bitsandbytes_are_not_read(
    embedded: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_base(embedded, "nf4")
    before = kept(embedded)[0].stat().st_ino
    monkeypatch.setattr(base_model, "version", lambda _: "99.0")
    load_base(embedded, "nf4")
    assert kept(embedded)[0].stat().st_ino != before


def test_a_torn_file_is_made_anew(
    embedded: BaseModel, unquantised: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    first = load_base(embedded, "nf4")
    (path,) = kept(embedded)
    path.write_bytes(path.read_bytes()[:-100])
    assert same(first, load_base(embedded, "nf4"))
    unquantised()
    assert same(first, load_base(embedded, "nf4"))
    assert "cannot be read" in caplog.text


def rewrite(path: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Change what is kept, as a whole and valid file with the metadata it had."""
    with safe_open(path, framework="pt") as file:
        told = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    change(tensors)
    save_file(tensors, path, told)


@pytest.mark.parametrize("fault", ["flipped", "nan", "missing", "empty"])
def test_a_whole_file_with_other_values_is_made_anew(embedded: BaseModel, fault: str) -> None:
    first = load_base(embedded, "nf4")
    (path,) = kept(embedded)

    def change(tensors: dict[str, torch.Tensor]) -> None:
        codes = next(key for key in tensors if key.endswith(kept_nf4.CODES))
        scales = next(key for key in tensors if key.endswith(kept_nf4.SCALES))
        if fault == "flipped":
            tensors[codes][7] ^= 1
        elif fault == "nan":
            tensors[scales][0] = float("nan")
        elif fault == "missing":
            del tensors[codes]
        else:
            tensors.clear()

    rewrite(path, change)
    assert same(first, load_base(embedded, "nf4"))
    assert kept_nf4.fill(load_base(embedded, "bf16"), path, embedded.sha256)


def test_values_that_do_not_fit_together_end_no_start(
    embedded: BaseModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = load_base(embedded, "nf4")
    monkeypatch.setattr(kept_nf4, "_values", lambda *_: torch.zeros(3)[5])
    assert same(first, load_base(embedded, "nf4"))
    assert "cannot be read" in caplog.text
    assert "not kept" in caplog.text


def test_what_a_killed_writer_left_is_removed(embedded: BaseModel) -> None:
    old, young = (embedded.folder.parent / f".part-{name}" for name in ("old", "young"))
    for path in (old, young):
        path.touch()
    os.utime(old, (0, 0))
    load_base(embedded, "nf4")
    assert (old.exists(), young.exists()) == (False, True)


def test_whoever_may_read_the_base_may_read_what_is_kept(embedded: BaseModel) -> None:
    embedded.folder.parent.chmod(0o755)
    load_base(embedded, "nf4")
    assert kept(embedded)[0].stat().st_mode & 0o777 == 0o644


def test_a_tuned_model_of_the_embedded_bases_name_keeps_nothing(tmp_path: Path) -> None:
    tuned = tiny_base(tmp_path / "models" / "digest", seed=1)
    load_base(msgspec.structs.replace(tuned, name=EMBEDDED), "nf4")
    assert kept(tuned) == []


def test_values_that_would_come_back_otherwise_are_not_kept(
    embedded: BaseModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = kept_nf4._scales
    monkeypatch.setattr(kept_nf4, "_scales", lambda state: real(state) * 1.01)
    load_base(embedded, "nf4")
    assert kept(embedded) == []
    assert "other values" in caplog.text


def test_a_full_disk_costs_the_file_only(
    embedded: BaseModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept_nf4, "write_whole", full)
    caplog.set_level(logging.INFO)
    load_base(embedded, "nf4")
    assert kept(embedded) == []
    assert "No space left" in caplog.text


def test_reading_what_was_kept_does_not_import_bitsandbytes(embedded: BaseModel) -> None:
    load_base(embedded, "nf4")
    fields = [embedded.name, str(embedded.folder), embedded.revision, embedded.sha256]
    code = (
        "import sys; from pathlib import Path; from finetune.base_model import BaseModel;"
        " from finetune.loaded_base import load_base;"
        " name, folder, revision, sha = sys.argv[1:];"
        " load_base(BaseModel(name=name, folder=Path(folder), revision=revision, sha256=sha),"
        " 'nf4'); print('bitsandbytes' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *fields], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
