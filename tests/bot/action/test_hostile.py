"""Hostile pull requests: none runs code, changes settings, leaks the token or breaks the run.

The command is the installed one, in a checkout of the head as a careless workflow would make it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from postil.diff import parse_diff
from tests.bot.action.runner import BASE, Runner, pull_event
from tests.bot.fake_pulls import DIFF, HEAD, REPO
from tests.bot.tiny_home import TinyHome
from tests.github_fake import TOKEN, FakeGitHub
from tests.github_repository import FakeRepository
from tests.tiny_git import TinyGit

TRAP = "import pathlib; pathlib.Path({mark!r}).write_text('the head ran')\n"
NAMES = (
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    "${{ github.token }}",
    "a\n::set-env name=PATH::/evil",
    "::add-mask::x",
    "##[error]x",
    "@ada |<img src=x>",
)
SHELL = "a$(id)`id`;${{ secrets.X }}::error::x.py"


def act(
    runner: Runner, memory_home: TinyHome, *options: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """The installed command, with the checkout as its folder."""
    environment = runner.environment(pull_event()) | more
    done = memory_home.run(
        "action", "--mode", "comment", *options, cwd=runner.workspace, more=environment
    )
    told = done.stdout + done.stderr + runner.summary()
    assert TOKEN not in told and "Traceback" not in told
    return done


def test_planted_modules_and_settings_are_neither_run_nor_read(
    runner: Runner, memory_home: TinyHome, fake: FakeGitHub, repository: FakeRepository
) -> None:
    mark = runner.folder / "mark"
    trap = TRAP.format(mark=str(mark))
    git = TinyGit(runner.workspace)
    planted: dict[str, str | bytes | None] = {
        f"{name}/__init__.py": trap for name in ("bot", "postil", "mining", "finetune", "msgspec")
    }
    planted |= dict.fromkeys(("sitecustomize.py", "usercustomize.py", "conftest.py"), trap)
    planted |= {"click.py": trap, "evil.pth": f"import os; {trap}", "setup.py": trap}
    planted |= {
        "postil.toml": "[review]\nmax_comments = 0\n[server]\naccount = 'evil'\n",
        "pyproject.toml": "[tool.postil.review]\nmax_comments = 0\n",
        ".postil/adapter/card.json": "{}",
    }
    git.commit(planted)
    repository.put(HEAD, {"postil.toml": "[review]\nmax_comments = 0\n"})
    done = act(runner, memory_home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not mark.exists() and len(fake.pulls[REPO, 7].comments) == 1
    assert "default settings" in runner.summary()
    assert not any("evil" in request.path for request in fake.requests)


def test_links_modules_hooks_and_filters_of_the_head_are_never_followed(
    runner: Runner, memory_home: TinyHome, fake: FakeGitHub
) -> None:
    mark = runner.folder / "mark"
    script = f"#!/bin/sh\necho ran > '{mark}'\n"
    git = TinyGit(runner.workspace)
    git.commit(
        {
            ".gitattributes": "* filter=evil diff=evil merge=evil\n",
            ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% pwned\n',
            "evil.sh": script,
        }
    )
    for name in ("filter.evil.smudge", "filter.evil.clean", "diff.evil.textconv"):
        git.run("config", name, f"sh {runner.workspace}/evil.sh")
    git.run("config", "core.fsmonitor", f"sh {runner.workspace}/evil.sh")
    for name in ("post-checkout", "pre-commit", "reference-transaction"):
        hook = runner.workspace / ".git/hooks" / name
        hook.write_text(script)
        hook.chmod(0o755)
    (runner.workspace / "postil.toml").symlink_to("/etc/passwd")
    assert act(runner, memory_home).returncode == 0
    assert not mark.exists() and len(fake.ours(REPO, 7)) == 1
    assert "root:" not in runner.summary()


@pytest.mark.parametrize("names", [NAMES[:4], NAMES[4:]], ids=["shells", "workflows"])
def test_names_with_syntax_of_shells_and_workflows_stay_names(
    runner: Runner, memory_home: TinyHome, fake: FakeGitHub, names: tuple[str, ...]
) -> None:
    pull = fake.pulls[REPO, 7].pull
    title, login, body, branch = names
    pull |= {"title": title, "user": {"login": login, "type": "User"}, "body": body}
    pull["head"]["ref"] = branch
    done = act(runner, memory_home)
    assert done.returncode == 0, done.stdout
    lines = [line.lstrip() for line in done.stdout.splitlines()]
    assert not any(line.startswith(("::", "##[")) for line in lines)
    assert not list(runner.folder.rglob("pwned"))
    outputs = (runner.folder / "output").read_text().splitlines()
    assert all("=" in line for line in outputs) and len(outputs) == 8


@pytest.mark.parametrize("mode", ["annotate", "dry-run"])
def test_a_file_name_with_syntax_stays_in_its_place(
    runner: Runner, memory_home: TinyHome, fake: FakeGitHub, mode: str
) -> None:
    fake.pulls[REPO, 7].diff = DIFF.replace("shop/cart.py", SHELL)
    assert parse_diff(fake.pulls[REPO, 7].diff)[0].path == SHELL
    done = act(runner, memory_home, "--mode", mode)
    assert done.returncode == 0, done.stdout
    lines = [line for line in done.stdout.splitlines() if line.lstrip().startswith("::")]
    kinds = {line.split("::")[1].split(" ")[0] for line in lines}
    assert kinds <= {"warning", "stop-commands"} | {kind for kind in kinds if len(kind) == 32}
    assert not any(line.startswith("::error") for line in lines)
    assert "${{" not in (runner.folder / "output").read_text()


@pytest.mark.long
def test_a_diff_of_50_megabytes_ends_in_one_line_without_eating_the_runner(
    runner: Runner, memory_home: TinyHome, fake: FakeGitHub, repository: FakeRepository
) -> None:
    repository.put(BASE, {"postil.toml": "[review]\nmost_windows = 4\n"})
    row = "+" + "x = 'many bytes of one line';" * 40 + "\n"
    rows = 50_000_000 // len(row)
    fake.pulls[REPO, 7].diff = (
        "diff --git a/big.py b/big.py\nnew file mode 100644\n--- /dev/null\n+++ b/big.py\n"
        f"@@ -0,0 +1,{rows} @@\n" + row * rows
    )
    done = act(runner, memory_home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "big.py" in runner.summary() or "diff" in done.stdout


def test_what_an_earlier_step_put_in_pythons_way_is_told_to_be_left_out() -> None:
    """action.yml clears PYTHONPATH; here with the very environment it sets."""
    script = "import sys; print([p for p in sys.path if p in ('', '.') or p.endswith('evil')])"
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
