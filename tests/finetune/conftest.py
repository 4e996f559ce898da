"""One tiny base model for all tests of this folder, and a home with nothing in it."""

import pytest

from finetune.base_model import BaseModel
from tests.fakes import tiny_base


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return tiny_base(tmp_path_factory.mktemp("base"))
