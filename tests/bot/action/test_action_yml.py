"""action.yml: nothing untrusted in its scripts, nothing of the checkout on Python's path."""

import re
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from bot.action.command import action

ROOT = Path(__file__).parents[3]
DOCUMENT: dict[str, Any] = YAML(typ="safe").load((ROOT / "action.yml").read_text())
STEPS: list[dict[str, Any]] = DOCUMENT["runs"]["steps"]
SCRIPTS = [step for step in STEPS if "run" in step and "python" in step["run"] + str(step)]
LOCK = (ROOT / "action-requirements.txt").read_text()


def test_no_expression_stands_in_a_script() -> None:
    assert not any("${{" in step["run"] for step in STEPS if "run" in step)


def test_every_script_runs_python_away_from_the_checkout() -> None:
    assert len(SCRIPTS) == 5
    for step in SCRIPTS:
        assert step["env"]["PYTHONSAFEPATH"] == "1" and step["env"]["PYTHONPATH"] == ""
        assert 'cd "$RUNNER_TEMP"\n' in step["run"]
        for line in step["run"].splitlines():
            if re.search(r'(python|found|PYTHON)" -', line):
                assert '" -I ' in line, line


def test_every_input_reaches_the_command_and_is_documented() -> None:
    review = STEPS[-1]
    inputs = set(DOCUMENT["inputs"]) - {"github-token", "torch-index-url", "cache"}
    options = {name.removeprefix("--") for one in action.params for name in one.opts}
    assert inputs == options - {"only"}
    for name in inputs:
        variable = f"POSTIL_{name.upper().replace('-', '_')}"
        assert review["env"][variable] == f"${{{{ inputs.{name} }}}}"
        assert f'--{name} "${variable}"' in review["run"]
    page = (ROOT / "docs/action.md").read_text()
    for name in [*DOCUMENT["inputs"], *DOCUMENT["outputs"]]:
        assert f"`{name}`" in page, name


def test_caches_are_keyed_by_content_and_none_is_used_where_there_is_power() -> None:
    caches = [step for step in STEPS if step.get("uses", "").startswith("actions/cache@")]
    assert len(caches) == 3
    for step in caches:
        assert re.fullmatch(r"actions/cache@[0-9a-f]{40}", step["uses"])
        assert "restore-keys" not in step["with"]
        assert "key }}" in step["with"]["key"] and "steps." in step["if"]
    assert 'case "$GITHUB_EVENT_NAME" in pull_request | workflow_dispatch)' in STEPS[1]["run"]


def test_what_is_installed_is_pinned_by_hash_to_the_tested_versions() -> None:
    pinned = dict(re.findall(r"(?m)^([\w.-]+)==(\S+)", LOCK))
    hashes = re.split(r"(?m)^(?=[\w.-]+==)", LOCK)[1:]
    assert len(hashes) == len(pinned) and all("--hash=sha256:" in part for part in hashes)
    constraints = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().split() if "==" in line
    )
    tested = {canonicalize_name(name): version for name, version in constraints.items()}
    only_here = {"httpx2-jsfetch", "setuptools"}  # of another platform, and to build with
    for name, version in pinned.items():
        assert name in only_here or tested[canonicalize_name(name)] == version, name
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    assert needed - {"torch"} <= {canonicalize_name(name) for name in pinned}
