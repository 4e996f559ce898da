"""The model's process: it knows no secret, answers, and is killed when it does not."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from bot.model.process import ModelProcess, scrubbed
from bot.review import review
from postil.answer import Anchor
from postil.errors import AdapterError, ModelError
from postil.settings import ReviewSettings
from tests.bot.stub_model import stub_info

FACTORY = "tests.bot.stub_model:load"
RULE = {"rule:print(": "Log it."}
SECRETS = {
    "GITHUB_TOKEN": "not-a-real-token-0",
    "POSTIL_WEBHOOK_SECRET": "not-a-real-secret-0",
    "POSTIL_MARKER_KEY": "not-a-real-key-0",
    "HOME": "/home/somebody",
    "AWS_SECRET_ACCESS_KEY": "not-a-real-secret-1",
    "LD_PRELOAD": "/nowhere.so",
    "PYTHONPATH": "/nowhere",
    "PYTHONSTARTUP": "/nowhere.py",
    "HTTPS_PROXY": "http://user:not-a-real-password@proxy.example.org",
}
DIFF = """\
diff --git a/shop/cart.py b/shop/cart.py
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -1,2 +1,3 @@
 def total(self):
+    print(self)
     return 1
"""


def start(spec: dict[str, str], call_s: float = 30, load_s: float = 30) -> ModelProcess:
    environment = {**os.environ, **SECRETS}
    return ModelProcess(
        stub_info(), FACTORY, lambda: RULE | spec, environment, call_s=call_s, load_s=load_s
    )


@pytest.fixture(scope="module")
def model() -> Iterator[ModelProcess]:
    with start({}) as model:
        yield model


def test_a_review_runs_through_the_process(model: ModelProcess) -> None:
    reviewed = review(DIFF, model, ReviewSettings())
    (finding,) = reviewed.findings
    assert (finding.span.start, finding.message) == (2, "Log it.")
    assert finding.resembles[0].url.endswith("discussion_r9")
    assert reviewed.adapter == "stub-adapter"


def test_the_child_knows_nothing_of_our_secrets(model: ModelProcess) -> None:
    said = model.write(["environment"], [Anchor(side="R", start=1, end=1)], 1)
    names = {line.partition("=")[0] for line in said[:-1]}
    assert not names & set(SECRETS)
    assert not any("not-a-real" in line for line in said)
    assert said[-1] == os.sep


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_not_even_the_memory_it_was_started_with_holds_a_secret(model: ModelProcess) -> None:
    model.load()
    raw = Path(f"/proc/{model.pid}/environ").read_bytes()
    assert b"POSTIL_HOME" in raw or b"PATH" in raw
    assert b"not-a-real" not in raw


def test_only_named_variables_are_handed_down() -> None:
    kept = scrubbed({**SECRETS, "PATH": "/bin", "POSTIL_HOME": "/p", "OMP_NUM_THREADS": "2"})
    assert kept["PATH"] == "/bin" and kept["PYTHONSAFEPATH"] == "1"
    assert kept["OMP_NUM_THREADS"] == "2" and kept["HF_HUB_OFFLINE"] == "1"
    assert not set(kept) & set(SECRETS)


def test_no_connection_can_be_made_from_the_child(model: ModelProcess) -> None:
    (said,) = model.write(["network"], [Anchor(side="R", start=1, end=1)], 1)
    assert "the model has no network" in said


def test_a_child_that_hangs_is_killed_and_the_next_call_starts_another() -> None:
    with start({"hang": "score"}, call_s=0.5) as model:
        assert model.recall([], []) == []
        first = model.pid
        begun = time.monotonic()
        with pytest.raises(ModelError, match="took longer than"):
            model.score(["x"])
        assert time.monotonic() - begun < 10
        assert model.pid is None and first is not None
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
        assert model.gate([], []) == []
        assert model.pid not in (None, first)


def test_a_child_that_hangs_while_it_loads_is_killed() -> None:
    with start({"hang": "load"}, load_s=0.5) as model:
        with pytest.raises(ModelError, match="took longer than"):
            model.score(["x"])
        assert model.pid is None


@pytest.mark.parametrize("how", ["crash", "raise"])
def test_a_child_that_dies_is_reported_and_replaced(
    how: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with start({how: "score"}) as model:
        with pytest.raises(ModelError, match=r"died with exit code .* during score"):
            model.score(["x"])
        assert model.recall([], []) == []
    assert ("ZeroDivisionError" in capfd.readouterr().err) == (how == "raise")


def test_a_child_killed_from_outside_is_replaced() -> None:
    with start({}) as model:
        assert model.score(["print("]) == [1.0]
        assert model.pid is not None
        os.kill(model.pid, signal.SIGKILL)
        with pytest.raises(ModelError, match="died"):
            model.score(["print("])
        assert model.score(["print("]) == [1.0]


def test_an_expected_fault_keeps_its_class_and_line() -> None:
    with start({"fault": "folder: made for template postil-0"}) as model:
        with pytest.raises(AdapterError, match=r"^folder: made for template postil-0$"):
            model.score(["x"])
        assert model.pid is None


def test_closing_ends_the_child() -> None:
    model = start({})
    model.score([])
    pid = model.pid
    assert pid is not None
    model.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_child_has_no_say_in_whether_what_it_says_is_posted() -> None:
    watched = msgspec.structs.replace(stub_info(), adapter="watched", shadow=True)
    spec = {"rule:print(": "Log it."}
    with closing(ModelProcess(watched, "tests.bot.stub_model:load", lambda: spec, os.environ)) as m:
        m.load()
        assert (m.info.adapter, m.info.shadow) == ("watched", True)
