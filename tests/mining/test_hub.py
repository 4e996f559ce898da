"""Pushing a dataset: private, the card and the tables only, and a refusal is one line.

The hub is a fake of ours, which keeps to the requests that huggingface_hub sends.
"""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mining.dataset_commands import dataset
from mining.hub import push_dataset
from postil.errors import HostingError, UsageError

TOKEN = "hf_not-a-real-token"


class Hub:
    """What was created and uploaded."""

    def __init__(self) -> None:
        self.created: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.address = ""

    def take(self, path: str, token: str, body: bytes) -> tuple[int, Any]:
        if token != f"Bearer {TOKEN}":
            return 401, {"error": "Invalid credentials"}
        if path == "/api/repos/create":
            self.created = json.loads(body)
            return 200, {"url": f"{self.address}/datasets/team/remarks", "id": "1"}
        if "/preupload/" in path:
            files = json.loads(body)["files"]
            how = {"uploadMode": "regular", "shouldIgnore": False}
            return 200, {"files": [{"path": file["path"], **how} for file in files]}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if "/commit/" in path:
            for line in body.splitlines():
                row = json.loads(line)
                if row["key"] == "file":
                    self.files[row["value"]["path"]] = base64.b64decode(row["value"]["content"])
            return 200, {
                "commitUrl": f"{self.address}/datasets/team/remarks/commit/0",
                "commitOid": "0" * 40,
                "success": True,
            }
        return 404, {"error": path}


@pytest.fixture
def hub() -> Iterator[Hub]:
    told = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = told.take(
                self.path.partition("?")[0], self.headers.get("Authorization", ""), body
            )
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *ignored: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "datasets" / "team/harbour"
    folder.mkdir(parents=True)
    for name in ("README.md", "train.parquet", "overview.svg", "pairs.jsonl", "private.txt"):
        (folder / name).write_text(name, encoding="utf-8")
    return tmp_path


def test_the_card_and_the_tables_go_up_and_nothing_else(
    hub: Hub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    asked = ["push", "--to", "team/remarks", "--repo", "team/harbour", "--home", str(home)]
    done = CliRunner().invoke(dataset, asked, catch_exceptions=False)
    assert f"pushed to {hub.address}/datasets/team/remarks" in done.output
    assert sorted(hub.files) == ["README.md", "overview.svg", "train.parquet"]
    assert hub.files["train.parquet"] == b"train.parquet"
    assert (hub.created["visibility"], hub.created["type"]) == ("private", "dataset")


def test_a_refusal_is_one_line_without_the_token(hub: Hub, home: Path) -> None:
    folder = home / "datasets/team/harbour"
    with pytest.raises(HostingError, match="the hub refuses: ") as caught:
        push_dataset(folder, "team/remarks", "hf_wrong", public=False, endpoint=hub.address)
    assert "\n" not in str(caught.value)
    assert "hf_wrong" not in str(caught.value)
    with pytest.raises(HostingError, match="no name: the hub refuses: "):
        push_dataset(folder, "no name", TOKEN, public=False, endpoint=hub.address)


def test_nothing_is_pushed_without_a_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    asked = ["push", "--to", "team/remarks", "--repo", "team/harbour", "--home", str(home)]
    with pytest.raises(UsageError, match="HF_TOKEN"):
        CliRunner().invoke(dataset, asked, catch_exceptions=False)
