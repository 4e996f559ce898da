"""`postil demo` from the sample team's history to its report, with a tiny base model."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from finetune.base_model import BaseModel
from tests.fakes import tiny_base

pytestmark = pytest.mark.slow

PROGRAM = """
import sys
from bot.demo import run
settings = run.SETTINGS.replace("[train]", f'[train]\\nbase = "{sys.argv[1]}"\\nmode = "lora"')
run.SETTINGS = settings.replace("epochs = 3", "epochs = 0.5\\nsave_minutes = 0")
from pathlib import Path
from postil.cli import main
sys.argv = ["postil", "demo", "--out", sys.argv[2]]
main()
"""
"""The command itself, but for a base that takes seconds."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return tiny_base(tmp_path_factory.mktemp("base"))


def start(base: BaseModel, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(base.folder), str(out)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for_steps(process: subprocess.Popen[str], out: Path, least: int) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        curves = list(out.glob("home/runs/**/metrics.jsonl"))
        if curves and len(curves[0].read_text().splitlines()) >= least:
            return
        time.sleep(0.05)
    raise AssertionError("the training did not begin")


def test_the_demo_goes_on_after_ctrl_c_and_ends_with_its_report(
    base: BaseModel, tmp_path: Path
) -> None:
    out = tmp_path / "demo"
    with start(base, out) as stopped:
        wait_for_steps(stopped, out, 4)
        stopped.send_signal(signal.SIGINT)
        _, told = stopped.communicate(timeout=120)
    assert stopped.returncode == 130 and "Traceback" not in told
    with start(base, out) as whole:
        said, told = whole.communicate(timeout=600)
    assert whole.returncode == 0, told
    assert "goes on after step" in told
    assert "unseen pull requests: right line" in said and "base model, same prompt" in said
    page = (out / "report.html").read_text(encoding="utf-8")
    assert said.strip().endswith(f"report: {out / 'report.html'}")
    assert "Content-Security-Policy" in page and "<script" not in page
    results = json.loads((out / "results.json").read_bytes())
    assert len(results) >= 4 and all(one["spoken"] >= 0 for one in results)
    assert not list(tmp_path.glob(".demo-*"))
