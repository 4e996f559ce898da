"""action.yml: a valid composite action without anything untrusted in its scripts."""

import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"


@pytest.mark.parametrize(
    "command",
    [
        ["check-jsonschema", "--builtin-schema", "vendor.github-actions", str(ACTION)],
        ["zizmor", "--offline", "--quiet", str(ACTION)],
    ],
    ids=["schema", "zizmor"],
)
def test_the_checkers_find_nothing(command: list[str]) -> None:
    program = str(Path(sys.executable).parent / command[0])
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_expression_stands_in_a_script_and_python_stays_out_of_the_checkout() -> None:
    steps = YAML(typ="safe").load(ACTION.read_text())["runs"]["steps"]
    for step in steps:
        assert "${{" not in step["run"]
        assert step["env"]["PYTHONSAFEPATH"] == "1"
        assert "uses" not in step
    assert "-I -m venv" in steps[0]["run"] and "-I -m pip" in steps[0]["run"]


def test_every_variable_of_the_scripts_is_quoted_and_comes_from_the_environment() -> None:
    steps = YAML(typ="safe").load(ACTION.read_text())["runs"]["steps"]
    review = steps[1]
    options = ("--adapter", "--base-model", "--mode", "--config")
    assert all(f'{option} "$POSTIL_' in review["run"] for option in options)
    given = set(review["env"]) - {"PYTHONSAFEPATH", "GITHUB_TOKEN"}
    assert all(f"${name}" in review["run"] for name in given)
