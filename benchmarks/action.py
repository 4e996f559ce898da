"""What a run of the Action costs, by stage: cold, and again with warm caches.

    python -m benchmarks.action --work DIR --out FILE [--way recall|write] [--adapter FOLDER]

Runs the scripts of action.yml one by one, as a runner would, on a pull request of ten hunks of this
project's own Python, against the fake GitHub of the tests. The adapter is untrained, on the
embedded base, and speaks about every window, so three remarks are anchored and said, and written
until they are cut; or it is a trained one (--adapter), such as that of `make demo`. What
actions/cache does between runs is done with tar and zstd, and measured. CPU-seconds are those of
the processes of a stage, user and system.
"""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import click
from ruamel.yaml import YAML

from tests.bot.fake_pulls import small_pull
from tests.bot.tiny_adapter import publish_adapter
from tests.github_fake import TOKEN, FakeGitHub, Served
from tests.github_repository import FakeRepository

ROOT = Path(__file__).parents[1]
REPO, BASE = "team/shop", "0" * 40
HUNKS, ROWS, ADDED = 10, 24, 8
EXPRESSION = re.compile(r"\$\{\{ ([\w.-]+) \}\}")
STEPS = {"python": "find Python, keys", "adapter": "adapter's key", "base": "adapter, base's key"}


def ten_hunks() -> str:
    """A diff of ten hunks, each of 24 rows of real Python of which 8 are new."""
    parts: list[str] = []
    for path in sorted((ROOT / "bot").glob("*/*.py")):
        rows = path.read_text().splitlines()[10 : 10 + ROWS]
        if len(rows) < ROWS or len(parts) == HUNKS:
            continue
        marked = [("+" if ADDED <= n < 2 * ADDED else " ") + row for n, row in enumerate(rows)]
        name = f"shop/{path.parent.name}/{path.name}"
        header = f"@@ -11,{ROWS - ADDED} +11,{ROWS} @@"
        start = f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n{header}\n"
        parts.append(start + "\n".join(marked) + "\n")
    return "".join(parts)


class Machine:
    """A runner with a folder for temporary files, kept between the runs."""

    def __init__(self, work: Path, api_url: str) -> None:
        self.temp, self.kept = work / "temp", work / "kept"
        self.work, self.api_url = work, api_url
        self.outputs: dict[str, dict[str, str]] = {}
        document = YAML(typ="safe").load((ROOT / "action.yml").read_text())
        self.steps: list[dict[str, Any]] = document["runs"]["steps"]
        self.inputs = {k: str(v.get("default", "")) for k, v in document["inputs"].items()}
        self.inputs |= {"github-token": TOKEN, "adapter": ".postil/adapter", "mode": "comment"}

    def run(self) -> dict[str, float]:
        """All steps once; CPU-seconds by stage."""
        shutil.rmtree(self.temp, ignore_errors=True)
        self.temp.mkdir(parents=True)
        self.outputs.clear()
        spent: dict[str, float] = {}
        for step in self.steps:
            if "run" in step and not step["if"].startswith("${{ github.event_name == "):
                if step["name"].startswith("Install") and (self.temp / "postil").exists():
                    continue
                name = STEPS.get(step.get("id", ""), step["name"].lower())
                spent[name] = self._cpu(lambda step=step: self._script(step))
                click.echo(f"{name}: {spent[name]:.1f} CPU-seconds", err=True)
            elif "uses" in step:
                spent[step["name"].lower()] = self._cpu(lambda step=step: self._restore(step))
        return {name: round(cpu, 1) for name, cpu in spent.items()}

    def save(self) -> dict[str, int]:
        """Pack what actions/cache would; bytes by name."""
        self.kept.mkdir(exist_ok=True)
        for step in self.steps:
            for path, packed in self._cached(step) if "uses" in step else ():
                if path.exists() and not packed.exists():
                    command = ["tar", "--zstd", "-cf", str(packed), "-C", str(path.parent)]
                    subprocess.run([*command, path.name], check=True)
        return {path.name: path.stat().st_size for path in sorted(self.kept.iterdir())}

    def _restore(self, step: dict[str, Any]) -> None:
        for path, packed in self._cached(step):
            if packed.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["tar", "-xf", str(packed), "-C", str(path.parent)], check=True)

    def _cached(self, step: dict[str, Any]) -> list[tuple[Path, Path]]:
        found = [Path(text) for text in self._filled(step["with"]["path"]).split()]
        return [(path, self.kept / f"{path.name}.tar.zst") for path in found]

    def _script(self, step: dict[str, Any]) -> None:
        output = self.temp / f"output-{step.get('id', 'none')}"
        output.touch()
        environment = {key: self._filled(value) for key, value in step["env"].items()}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            command, env=self._environment(output) | environment, capture_output=True, text=True
        )
        if done.returncode:
            raise click.ClickException(f"{step['name']}: {done.stdout}{done.stderr}")
        click.echo(done.stdout.strip()[-200:], err=True)
        lines = output.read_text().splitlines()
        self.outputs[step.get("id", "")] = dict(line.split("=", 1) for line in lines)

    def _environment(self, output: Path) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "OMP_", "SSL_"))}
        event = self.work / "event.json"
        return kept | {
            "PATH": f"{sys.base_prefix}/bin:{os.environ['PATH']}",
            "HOME": str(self.work),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_ACTION_PATH": str(self.work / "action"),
            "GITHUB_API_URL": self.api_url,
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": REPO,
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.work / "summary.md"),
        }

    def _filled(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            parts = match[1].split(".")
            if parts[0] == "inputs":
                return self.inputs[parts[1]]
            if parts[0] == "steps":
                return self.outputs[parts[1]].get(parts[3], "")
            return str(self.temp)  # runner.temp

        return EXPRESSION.sub(value, str(text))

    @staticmethod
    def _cpu(act: Any) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        act()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def put_sources(work: Path) -> None:
    """The Action as it is downloaded: tracked files alone."""
    packed = work / "action.tar"
    tracked = subprocess.run(
        ["git", "archive", "--format=tar", f"--output={packed}", "HEAD"], cwd=ROOT, check=True
    )
    assert tracked.returncode == 0
    with tarfile.open(packed) as archive:
        archive.extractall(work / "action", filter="data")


@click.command()
@click.option("--work", type=click.Path(path_type=Path), required=True, help="An empty folder.")
@click.option("--way", type=click.Choice(["recall", "write"]), default="recall")
@click.option("--adapter", type=click.Path(path_type=Path, exists=True), help="A trained one.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(work: Path, way: str, adapter: Path | None, out: Path) -> None:
    """Measure a cold run and two warm ones."""
    work.mkdir(parents=True, exist_ok=True)
    put_sources(work)
    fake = FakeGitHub()
    repository = FakeRepository(fake, REPO)
    fake.add(REPO, small_pull(diff=ten_hunks()))
    used = adapter or publish_adapter(work / "training", Path("smollm2-135m"), way=way)
    files = {path.name: path.read_bytes() for path in used.iterdir()}
    repository.put(BASE, files, ".postil/adapter")
    head = {"sha": "a" * 40, "repo": {"full_name": REPO}}
    pull = {"number": 7, "head": head, "base": {"sha": BASE, "repo": {"full_name": REPO}}}
    (work / "event.json").write_text(json.dumps({"action": "opened", "pull_request": pull}))
    rows = []
    with Served(fake.app) as served:
        machine = Machine(work, served.url)
        for run in ("cold", "warm", "warm again"):
            fake.pulls[REPO, 7].comments.clear()
            fake.pulls[REPO, 7].reviews.clear()
            # Else they were said and deleted, and are not said again.
            fake.pulls[REPO, 7].talk.clear()
            begun = time.monotonic()
            spent = machine.run()
            row: dict[str, Any] = {
                "run": run,
                "adapter": used.name if adapter else way,
                "cpu_s": spent,
            }
            row |= {"total": round(sum(spent.values()), 1)}
            row |= {"wall_s": round(time.monotonic() - begun), "posted": len(fake.ours(REPO, 7))}
            if run == "cold":
                row["packed"] = machine.save()
            click.echo(json.dumps(row))
            rows.append(row)
    out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
