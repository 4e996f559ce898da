"""An adapter whose weights are behind a server, in the model's process with one door open."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bot.model.opening import open_model
from bot.model.process import ModelProcess
from bot.model.served_adapter import BLIND, SILENT
from bot.review import review
from finetune.adapters import Registry
from finetune.base_model import find_base
from finetune.cards import load_card
from finetune.engines.local import LocalEngine
from finetune.gate import CHEAP_GATE_FILE, write_gate
from postil.errors import ModelError
from postil.prompt import render_question
from postil.settings import EngineSettings, ReviewSettings
from tests.bot.memory_adapter import ALWAYS, REPO
from tests.bot.tiny_home import TinyHome
from tests.finetune.builders import make_window
from tests.scoring_server import ScoringServerFake

DIFF = "--- a/a.py\n+++ b/a.py\n@@ -0,0 +1,2 @@\n+print(1)\n+x = 2\n"
QUESTIONS = [render_question(make_window("+x = 1")), render_question(make_window("-gone()"))]


@pytest.fixture(scope="module")
def adapter(tiny_home: TinyHome) -> Path:
    return tiny_home.writing


@pytest.fixture(scope="module")
def served(adapter: Path) -> LocalEngine:
    """What the server holds: the adapter on its base."""
    card = load_card(adapter)
    return LocalEngine(find_base(card.base, adapter), adapter, device="cpu")


@pytest.fixture
def server(served: LocalEngine) -> Iterator[ScoringServerFake]:
    fake = ScoringServerFake(served)
    with fake.serve():
        yield fake


def opened(adapter: Path, url: str) -> ModelProcess:
    settings = EngineSettings(kind="openai", url=url)
    return open_model(adapter, adapter.parents[2], os.environ, engine=settings)


def test_a_review_asks_the_server_and_nothing_else(
    adapter: Path, server: ScoringServerFake, served: LocalEngine
) -> None:
    with opened(adapter, server.url) as model:
        reviewed = review(DIFF, model, ReviewSettings(max_tokens=8))
        assert model.score(QUESTIONS) == pytest.approx(served.score(QUESTIONS), abs=0.1)
    assert reviewed.windows == 1 and reviewed.note == ""
    assert {asked["model"] for asked in server.asked} == {adapter.name}
    assert set(server.paths) == {"/v1/completions"}


@pytest.mark.slow
def test_another_server_cannot_be_reached_from_there(
    adapter: Path, server: ScoringServerFake, served: LocalEngine
) -> None:
    with ScoringServerFake(served).serve() as elsewhere:
        server.fault = (307, b"")
        server.headers = {"Location": f"{elsewhere.url}/v1/completions"}
        with opened(adapter, server.url) as model, pytest.raises(ModelError, match="answered 307"):
            model.load()
        assert elsewhere.asked == []


@pytest.mark.slow
def test_without_log_probabilities_and_a_cheap_gate_it_is_silent_and_says_so(
    adapter: Path, server: ScoringServerFake
) -> None:
    server.scores = False
    with opened(adapter, server.url) as model:
        reviewed = review(DIFF, model, ReviewSettings())
    assert (reviewed.findings, reviewed.threshold, reviewed.note) == ((), None, SILENT)


@pytest.mark.slow
def test_without_log_probabilities_the_cheap_gate_decides(
    adapter: Path, server: ScoringServerFake, tmp_path: Path
) -> None:
    server.scores = False
    card = load_card(adapter)
    registry = Registry(tmp_path)
    with registry.workspace(REPO) as folder:
        for name in card.files:
            (folder / name).write_bytes((adapter / name).read_bytes())
        write_gate(folder / CHEAP_GATE_FILE, msgspec.structs.replace(ALWAYS, threshold=0.25))
        published = registry.publish(folder, msgspec.structs.replace(card, promotion=None))
    with opened(published, server.url) as model:
        reviewed = review(DIFF, model, ReviewSettings(max_tokens=8))
    assert reviewed.threshold == 0.25 and reviewed.note == BLIND
    assert reviewed.findings or reviewed.dropped


def test_a_server_that_is_not_there_is_one_line(adapter: Path) -> None:
    unreachable = pytest.raises(ModelError, match=r"127\.0\.0\.1:9.* cannot be reached")
    with opened(adapter, "http://127.0.0.1:9") as model, unreachable:
        model.load()
