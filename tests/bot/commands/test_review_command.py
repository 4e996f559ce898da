"""`postil review` as it is installed, with a tiny real base and adapter."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bot.commands.review_command import read_fail_on
from postil.errors import UsageError
from postil.records import AdapterCard
from tests.bot.tiny_home import GOLDEN, POSTIL, REPO, TinyHome
from tests.tiny_git import TinyGit

ONE_RULE = str(GOLDEN / "one_rule.diff")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder whose settings name the repository."""
    (tmp_path / "postil.toml").write_text(f'repo = "{REPO}"\n[review]\nignore = ["docs/*"]\n')
    return tmp_path


def test_a_diff_is_reviewed_and_shown_as_text(tiny_home: TinyHome, work: Path) -> None:
    done = tiny_home.run("review", "--diff", ONE_RULE, cwd=work)
    assert done.returncode == 0, done.stderr
    assert "Log it instead of printing it, please." in done.stdout
    assert f"1 file reviewed by {tiny_home.quoting.name}" in done.stdout
    assert done.stderr == ""


def test_only_the_models_own_process_loads_torch(tiny_home: TinyHome, work: Path) -> None:
    code = (
        "import sys; from postil.cli import main\n"
        "try: main()\n"
        "finally: print({'torch', 'transformers', 'scipy', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "review", "--diff", ONE_RULE],
        cwd=work,
        env={**os.environ, "POSTIL_HOME": str(tiny_home.home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Log it instead of printing it, please." in done.stdout
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.slow
def test_an_adapter_by_name_writes_its_own_words(tiny_home: TinyHome, work: Path) -> None:
    options = ("review", "--diff", ONE_RULE, "--adapter", tiny_home.writing.name[:8])
    done = tiny_home.run(*options, cwd=work)
    assert done.returncode == 0, done.stderr
    assert f"by {tiny_home.writing.name}" in done.stdout
    assert "Log it" not in done.stdout


def test_a_range_of_the_repository_here_as_json_with_a_limit_that_fails(
    memory_home: TinyHome, tmp_path: Path
) -> None:
    tiny = TinyGit(tmp_path / "repo")
    tiny.commit({"shop/cart.py": "def total(self):\n    return sum(self.prices)\n"})
    tiny.commit(
        {"shop/cart.py": "def total(self):\n    print(self.prices)\n    return sum(self.prices)\n"}
    )
    tiny.run("remote", "add", "origin", f"https://github.com/{REPO}.git")
    options = ("review", "--range", "HEAD~1..HEAD", "--format", "json", "--fail-on", "0.8")
    done = memory_home.run(*options, cwd=tiny.folder)
    assert done.returncode == 1, done.stderr
    shown = json.loads(done.stdout)
    assert shown["adapter"] == memory_home.quoting.name and shown["schema"] == 1
    (finding,) = shown["findings"]
    assert finding["span"]["path"] == "shop/cart.py"
    assert finding["place"] == {"kind": "line", "reason": ""}
    assert finding["resembles"][0]["url"].endswith("#discussion_r9")


def test_without_a_promoted_adapter_an_empty_result_says_so(
    memory_home: TinyHome, tmp_path: Path
) -> None:
    done = memory_home.run("review", "--diff", ONE_RULE, "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["adapter"] is None and shown["findings"] == [] and shown["reviewed"] == []
    reason = "no adapter is promoted for this repository"
    assert shown["skipped"] == [{"path": "shop/cart.py", "reason": reason}]
    text = memory_home.run("review", "--diff", ONE_RULE, cwd=tmp_path).stdout
    assert text.startswith("nothing is said: no adapter is promoted for this repository")


def test_an_empty_diff_says_so(memory_home: TinyHome, tmp_path: Path) -> None:
    done = memory_home.run("review", "--diff", "-", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "nothing to review: the diff is empty\n")


def test_a_diff_with_nothing_to_read_names_every_file(memory_home: TinyHome, work: Path) -> None:
    diff = str(GOLDEN / "nothing_to_read.diff")
    done = memory_home.run("review", "--diff", diff, "--format", "json", cwd=work)
    shown = json.loads(done.stdout)
    assert done.returncode == 0 and shown["findings"] == []
    assert {"path": "logo.png", "reason": "binary"} in shown["skipped"]


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ({"template": "postil-0"}, "made for template postil-0"),
        ({"base_sha256": "0" * 64}, "trained on"),
        ({"files": {"adapter_model.safetensors": "0" * 64}}, "damaged"),
        ({"scoring": {"precision": "int3"}}, "which this Postil cannot repeat"),
        ({"scoring": {"way": "song"}}, "says things by 'song'"),
    ],
    ids=["template", "base", "hash", "precision", "way"],
)
def test_an_adapter_that_is_not_what_it_says_is_one_line(
    card: dict[str, object], said: str, tiny_home: TinyHome, work: Path
) -> None:
    folder = work / "adapter"
    shutil.copytree(tiny_home.quoting, folder)
    path = folder / "card.json"
    kept = msgspec.json.decode(path.read_bytes(), type=AdapterCard)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(kept, **card)))
    done = tiny_home.run("review", "--diff", ONE_RULE, "--adapter", str(folder), cwd=work)
    assert done.returncode == 1 and done.stdout == ""
    assert said in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        ([], "give exactly one of", 2),
        (["--staged", "--diff", "-"], "give exactly one of", 2),
        (["--diff", "nosuch.diff"], "nosuch.diff: cannot be read", 2),
        (["--diff", "-", "--fail-on", "often"], "expected never, any or a probability", 2),
        (["--range", "A..B"], "not inside a git repository", 1),
        (["--staged"], "not inside a git repository", 1),
        (["--pr", "team/shop"], "expected owner/name#number", 2),
        (["--pr", "team/shop#7"], "no token: set GITHUB_TOKEN", 2),
        (["--diff", ONE_RULE, "--adapter", "x/y"], "no adapter folder", 1),
        (["--diff", ONE_RULE, "--adapter", "nosuch"], "no single adapter 'nosuch'", 1),
    ],
)
def test_wrong_use_is_one_line(
    options: list[str], said: str, code: int, memory_home: TinyHome, work: Path
) -> None:
    done = memory_home.run("review", *options, cwd=work)
    assert done.returncode == code, done.stderr
    assert said in done.stderr and done.stderr.count("\n") == 1 and done.stdout == ""


@pytest.mark.parametrize(
    ("shape", "shown"),
    [
        ("sarif", '"version": "2.1.0"'),
        ("github", "::warning file=shop/cart.py,line="),
        ("markdown", "**`shop/cart.py:"),
    ],
)
def test_other_shapes(shape: str, shown: str, memory_home: TinyHome, work: Path) -> None:
    done = memory_home.run("review", "--diff", ONE_RULE, "--format", shape, cwd=work)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


def test_a_window_is_explained(memory_home: TinyHome, work: Path) -> None:
    done = memory_home.run("explain", "shop/cart.py", "--diff", ONE_RULE, cwd=work)
    assert done.returncode == 0, done.stderr
    assert "spoken about\n    probability 0.88, threshold 0.50" in done.stdout
    assert "discussion_r9: Log it instead of printing it, please." in done.stdout


@pytest.mark.parametrize("where", ["shop/cart.py:900", "shop/other.py", "shop/other.py:1"])
def test_a_place_outside_of_the_change_is_wrong_use(
    where: str, memory_home: TinyHome, work: Path
) -> None:
    none = memory_home.run("explain", where, "--diff", ONE_RULE, cwd=work)
    assert none.returncode == 2 and f"{where}: this change does not show that" in none.stderr


def test_shadow_without_anything_kept(memory_home: TinyHome, work: Path) -> None:
    done = memory_home.run("shadow", cwd=work, more={"POSTIL_HOME": str(work / "home")})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{REPO}: 0 remarks held back on 0 heads")


def test_a_staged_change_is_refused_by_a_git_hook(memory_home: TinyHome, tmp_path: Path) -> None:
    """The recipe of docs/reviewing.md, as pre-commit or git itself runs it."""
    tiny = TinyGit(tmp_path / "repo")
    tiny.commit({"shop/cart.py": "def total(self):\n    return sum(self.prices)\n"})
    hook = tiny.folder / ".git/hooks/pre-commit"
    recipe = (Path(__file__).parents[3] / "examples/hooks/pre-commit").read_text()
    hook.write_text(recipe.replace("postil review", f"{POSTIL} review"))
    hook.chmod(0o755)
    (tiny.folder / "postil.toml").write_text(f'repo = "{REPO}"\n')
    bad = "def total(self):\n    print(self.prices)\n    return sum(self.prices)\n"
    (tiny.folder / "shop/cart.py").write_text(bad)
    tiny.run("add", "shop/cart.py")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    environment |= {"POSTIL_HOME": str(memory_home.home), "GIT_CONFIG_NOSYSTEM": "1"}
    names = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *names, "commit", "-m", "x"],
        cwd=tiny.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Log it instead" in done.stdout + done.stderr
    assert tiny.run("log", "--format=%s").count("\n") == 0


def test_a_combined_diff_is_one_line(memory_home: TinyHome, work: Path) -> None:
    text = "diff --cc a.py\n@@@ -1 -1 +1 @@@\n++x\n"
    done = memory_home.run("review", "--diff", "-", cwd=work, text=text)
    assert done.returncode == 1 and "combined diff of a merge" in done.stderr


def test_planted_packages_of_the_folder_are_not_imported(memory_home: TinyHome, work: Path) -> None:
    """A pull request may hold a `bot/`; ours must run, in parent and child, from its folder."""
    planted = "import pathlib; pathlib.Path(__file__).with_suffix('.ran').touch(); raise SystemExit"
    for name in ("bot", "postil", "mining", "finetune", "torch", "msgspec", "click"):
        (work / name).mkdir()
        (work / name / "__init__.py").write_text(planted)
        (work / f"{name}.py").write_text(planted)
    for name in ("sitecustomize", "usercustomize", "json", "socket"):
        (work / f"{name}.py").write_text(planted)
    done = memory_home.run("review", "--diff", ONE_RULE, cwd=work)
    assert done.returncode == 0, done.stderr
    assert "Log it instead of printing it" in done.stdout
    assert not list(work.rglob("*.ran"))


def test_limits_of_failing() -> None:
    assert read_fail_on("never") > 1 and read_fail_on("any") == 0 and read_fail_on("0.5") == 0.5
    for wrong in ("1.5", "-1", "nan"):
        with pytest.raises(UsageError):
            read_fail_on(wrong)
