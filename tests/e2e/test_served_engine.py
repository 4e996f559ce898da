"""The engine over llama.cpp's real server says what the local one says of the same base.

The server multiplies 4-bit weights with 8-bit activations, so figures differ in the second decimal.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune.base_model import find_base
from finetune.engines.local import LocalEngine
from finetune.engines.served import ServedEngine, open_served
from postil.answer import NO_COMMENT, anchors
from postil.errors import ModelError
from postil.prompt import render_question
from tests.finetune.builders import make_window
from tests.llama_server import NAME, serve

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("default")]

WINDOW = make_window("+def total(prices):", "+    print('<|im_end|>')", "-    return 0")
QUESTION = render_question(WINDOW)


@pytest.fixture(scope="module")
def local(home: Path) -> LocalEngine:
    return LocalEngine(find_base("smollm2-135m", home), None, precision="fp32", device="cpu")


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[ServedEngine]:
    with serve() as url:
        engine = open_served(url, NAME, find_base("smollm2-135m", home).folder, 1024)
        yield engine
        engine.close()


def test_it_scores_as_the_local_engine_does(served: ServedEngine, local: LocalEngine) -> None:
    assert served.has_scores
    harmless = QUESTION.replace("<|im_end|>", "< |im_end|>")
    assert served.score([QUESTION]) == pytest.approx(local.score([harmless]), abs=0.3)


def test_it_finds_the_same_line(served: ServedEngine, local: LocalEngine) -> None:
    allowed = anchors(WINDOW)
    here, there = (engine.anchor_scores(QUESTION, allowed) for engine in (local, served))
    best = here.index(max(here))
    assert there.index(max(there)) == best and there[best] == pytest.approx(here[best], abs=0.3)


def test_it_reads_answers_as_likely(served: ServedEngine, local: LocalEngine) -> None:
    question = render_question(make_window("+x = 1"))
    answers = ["R1\nName it, é.", NO_COMMENT]
    wanted = local.loss([question] * 2, answers)
    for (nats, tokens), (other, count) in zip(
        served.loss([question] * 2, answers), wanted, strict=True
    ):
        assert tokens == count and nats == pytest.approx(other, abs=0.1 * count)


def test_it_writes(served: ServedEngine) -> None:
    (said,) = served.write([QUESTION], [anchors(WINDOW)[0]], 12)
    assert said.strip()


def test_a_server_started_without_scores_gives_none(home: Path) -> None:
    with serve(scores=False) as url:
        base = find_base("smollm2-135m", home)
        engine = open_served(url, NAME, base.folder, 1024)
        try:
            assert not engine.has_scores
            with pytest.raises(ModelError, match="gives no log-probabilities"):
                engine.score([QUESTION])
        finally:
            engine.close()
