"""An adapter from every place it may lie, over real HTTP, with a real tiny adapter."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.action.bringing import bring_adapter, fetched_folder
from bot.action.located import locate
from bot.action.rest import Rest
from bot.action.sources import read_source
from finetune.adapters import Registry
from finetune.cards import load_card
from postil.errors import AdapterError, ConfigError, HostingError
from tests.bot.action.runner import BASE, FORBIDDEN
from tests.bot.fake_pulls import REPO
from tests.bot.tiny_home import TinyHome
from tests.github_fake import TOKEN, FakeGitHub, Served
from tests.github_repository import FakeRepository, zipped


@pytest.fixture
def rest(served: Served) -> Iterator[Rest]:
    """A reader of the fake that does not sleep."""
    with Rest(served.url, TOKEN, sleep=lambda _: None) as rest:
        yield rest


@pytest.fixture
def files(tiny_home: TinyHome) -> dict[str, bytes]:
    """A real adapter's files."""
    return {path.name: path.read_bytes() for path in tiny_home.quoting.iterdir()}


def packed(files: dict[str, bytes]) -> bytes:
    """A release's asset."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"adapter/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def bring(rest: Rest, text: str, home: Path, workspace: Path | None = None) -> Path | None:
    """What the input stands for."""
    return bring_adapter(rest, REPO, BASE, read_source(text), home, workspace)


def test_a_folder_of_the_base_branch_is_brought_once(
    rest: Rest,
    repository: FakeRepository,
    fake: FakeGitHub,
    files: dict[str, bytes],
    tiny_home: TinyHome,
    tmp_path: Path,
) -> None:
    repository.put(BASE, files, ".postil/adapter")
    folder = bring(rest, ".postil/adapter", tmp_path)
    assert folder is not None and folder.name == tiny_home.quoting.name
    assert load_card(folder).repo == "team/shop"
    asked = len(fake.requests)
    assert bring(rest, "./.postil/adapter/", tmp_path) == folder
    assert len(fake.requests) == asked + 1
    source = read_source(".postil/adapter")
    assert folder.parent == fetched_folder(tmp_path, locate(rest, REPO, BASE, source).key)


def test_the_newest_head_of_a_pull_request_is_no_base(
    rest: Rest, repository: FakeRepository, files: dict[str, bytes], tmp_path: Path
) -> None:
    repository.put("a" * 40, files, ".postil/adapter")
    with pytest.raises(AdapterError, match=r"there is no folder \.postil/adapter on the base"):
        bring(rest, ".postil/adapter", tmp_path)


def test_a_folder_without_a_card_a_changed_blob_and_a_pointer_are_refused(
    rest: Rest, repository: FakeRepository, files: dict[str, bytes], tmp_path: Path
) -> None:
    repository.put(BASE, {"x": b""}, "none")
    with pytest.raises(AdapterError, match=r"holds no card\.json"):
        bring(rest, "none", tmp_path)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    repository.put(BASE, files | {"adapter_model.safetensors": pointer}, "lfs")
    with pytest.raises(AdapterError, match="pointer of Git LFS"):
        bring(rest, "lfs", tmp_path)
    repository.put(BASE, files | {"gate.json": b"{}"}, "changed")
    with pytest.raises(AdapterError, match=r"gate\.json: damaged"):
        bring(rest, "changed", tmp_path)
    assert not list(tmp_path.rglob("card.json"))


@pytest.mark.parametrize("path", ["../x", "a/../../x", "a//b", "."])
def test_a_path_stays_in_the_repository(rest: Rest, path: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a path inside the repository"):
        bring(rest, path, tmp_path)


def test_an_asset_of_a_release_comes_from_another_host_without_our_token(
    rest: Rest,
    repository: FakeRepository,
    files: dict[str, bytes],
    tiny_home: TinyHome,
    tmp_path: Path,
) -> None:
    repository.release("v1", "adapter.tar.gz", packed(files))
    folder = bring(rest, f"{REPO}@v1", tmp_path)
    assert folder is not None and folder.name == tiny_home.quoting.name
    repository.release("v1", "second.zip", b"")
    with pytest.raises(AdapterError, match=r"give #file\); has: adapter\.tar\.gz, second\.zip"):
        bring(rest, f"{REPO}@v1", tmp_path)
    assert bring(rest, f"{REPO}@v1#adapter.tar.gz", tmp_path) == folder
    with pytest.raises(AdapterError, match="there is no release team/shop@v2"):
        bring(rest, f"{REPO}@v2", tmp_path)


def test_an_asset_that_is_not_what_the_release_says_is_refused(
    rest: Rest, repository: FakeRepository, tmp_path: Path
) -> None:
    repository.release("v1", "adapter.tar.gz", b"other", f"sha256:{'0' * 64}")
    with pytest.raises(AdapterError, match=rf"sha256 is .*, not {'0' * 64}; nothing is used"):
        bring(rest, f"{REPO}@v1", tmp_path)
    repository.release("v2", "adapter.tar.gz", b"no archive")
    with pytest.raises(AdapterError, match="not an archive"):
        bring(rest, f"{REPO}@v2", tmp_path)


def test_only_an_artifact_of_the_default_branchs_own_runs_is_taken(
    rest: Rest, repository: FakeRepository, files: dict[str, bytes], tmp_path: Path
) -> None:
    good = zipped(files)
    repository.artifact("adapter", good, run=1)
    wanted = repository.number
    repository.artifact("adapter", b"evil", run=2, head_repo=666)
    repository.artifact("adapter", b"evil", run=3, branch="feature")
    repository.artifact("adapter", b"evil", run=4, event="pull_request")
    repository.artifact("adapter", b"evil", run=6, conclusion="failure")
    source = read_source("artifact:adapter")
    assert locate(rest, REPO, BASE, source).key == f"artifact-{wanted}"
    folder = bring(rest, "artifact:retrain.yml/adapter", tmp_path)
    assert folder is not None and load_card(folder).name == "tiny"
    with pytest.raises(AdapterError, match=r"no artifact adapter of .* of other\.yml"):
        bring(rest, "artifact:other.yml/adapter", tmp_path)


def test_an_address_needs_the_bytes_it_names(
    rest: Rest, repository: FakeRepository, files: dict[str, bytes], tmp_path: Path
) -> None:
    content = packed(files)
    repository.downloads["a.tar.gz"] = content
    digest = hashlib.sha256(content).hexdigest()
    url = f"{repository.download_url}/a.tar.gz"
    folder = bring(rest, f"{url}#sha256={digest}", tmp_path)
    assert folder is not None and load_card(folder).name == "tiny"
    with pytest.raises(AdapterError, match=f"sha256 is {digest}, not {'0' * 64}"):
        bring(rest, f"{url}#sha256={'0' * 64}", tmp_path)
    with pytest.raises(HostingError, match="404 not found"):
        bring(rest, f"{repository.download_url}/none#sha256={'1' * 64}", tmp_path)


def test_what_is_on_the_runner_is_used_as_it_lies(
    rest: Rest, fake: FakeGitHub, tiny_home: TinyHome, tmp_path: Path
) -> None:
    assert bring(rest, str(tiny_home.quoting), tmp_path) == tiny_home.quoting.resolve()
    assert bring(rest, "", tmp_path) is None
    assert bring(rest, "", tiny_home.home) == Registry(tiny_home.home).current(REPO)
    assert bring(rest, tiny_home.quoting.name[:8], tiny_home.home) == tiny_home.quoting
    with pytest.raises(AdapterError, match=r"there is no card\.json in that folder"):
        bring(rest, str(tmp_path), tmp_path)
    assert fake.requests == []


def test_no_adapter_is_taken_from_the_checkout(
    rest: Rest, tiny_home: TinyHome, tmp_path: Path
) -> None:
    planted = tmp_path / "work" / "adapter"
    planted.parent.mkdir()
    planted.symlink_to(tiny_home.quoting)
    with pytest.raises(ConfigError, match="in the checkout"):
        bring(rest, str(tiny_home.quoting), tmp_path, tiny_home.quoting.parent)


def test_a_missing_permission_is_named(rest: Rest, fake: FakeGitHub, tmp_path: Path) -> None:
    fake.fail("GET", "/contents/", status=403, body=FORBIDDEN)
    with pytest.raises(HostingError, match="add `contents: read` under `permissions:`"):
        bring(rest, ".postil/adapter", tmp_path)
    fake.fail("GET", "/actions/", status=403, body=FORBIDDEN)
    with pytest.raises(HostingError, match="add `actions: read` under `permissions:`"):
        bring(rest, "artifact:adapter", tmp_path)


def test_a_read_is_tried_again_but_a_rate_limit_is_said(
    rest: Rest, repository: FakeRepository, fake: FakeGitHub, tmp_path: Path
) -> None:
    repository.put(BASE, {"x": b""}, "none")
    fake.fail("GET", "/contents/", status=502, times=2)
    with pytest.raises(AdapterError, match="holds no card"):
        bring(rest, "none", tmp_path)
    limited = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}
    fake.fail("GET", "/contents/", status=403, headers=limited)
    with pytest.raises(HostingError, match="GitHub limits our rate; again in 1 s"):
        bring(rest, "none", tmp_path)
