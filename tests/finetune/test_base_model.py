from pathlib import Path

import pytest

from finetune.base_model import BaseModel, find_base
from postil.errors import ModelError
from tests.fakes import tiny_base


def test_an_unknown_base_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"unknown base model 'gpt-17': expected smollm2-135m"):
        find_base("gpt-17", tmp_path)


def test_a_hub_model_without_a_pinned_revision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="owner/name@revision"):
        find_base("someone/coder", tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        find_base(str(tmp_path), tmp_path)


def test_a_folder_with_pickled_weights_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match="no safetensors"):
        find_base(str(tmp_path), tmp_path)


def test_bases_of_equal_shape_are_told_apart(base: BaseModel, tmp_path: Path) -> None:
    other = tiny_base(tmp_path, seed=2)
    assert other.sha256 != base.sha256
