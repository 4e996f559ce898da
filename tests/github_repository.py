"""What else of a repository our fake GitHub can serve: files, releases, runs and artifacts.

Ours, as the fake is. Downloads are redirected to another port of this machine, as GitHub's are to
another host, and that host refuses whoever sends it a token. The description of the API at hand
leaves these operations out, so requests to them are not judged by it.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, abort, jsonify, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from tests.github_fake import FakeGitHub

Answered = Response | WerkzeugResponse | tuple[Response, int]


def blob_sha(content: bytes) -> str:
    """Git's hash of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An artifact as GitHub sends it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


class FakeRepository:
    """Parts of one repository of a fake; `files` is by commit and path.

    `download_url` is where downloads are redirected to.
    """

    def __init__(self, fake: FakeGitHub, repo: str) -> None:
        self.repo = repo
        self.number = 77
        self.files: dict[tuple[str, str], bytes] = {}
        self.releases: dict[str, list[dict[str, Any]]] = {}
        self.artifacts: list[dict[str, Any]] = []
        self.runs: dict[int, dict[str, Any]] = {}
        self.permissions: dict[str, str] = {}
        self.downloads: dict[str, bytes] = {}
        self.download_url = ""
        self.fake = fake
        if fake.description is not None:
            fake.description = fake.description.without(
                rf"/repos/{repo}(/(contents|git|releases|actions|collaborators)/.*)?"
            )
        here = f"/repos/{repo}"
        for rule, view in (
            (here, self._repository),
            (f"{here}/contents/<path:path>", self._contents),
            (f"{here}/git/blobs/<sha>", self._blob),
            (f"{here}/releases/tags/<path:tag>", self._release),
            (f"{here}/releases/assets/<int:number>", self._asset),
            (f"{here}/actions/artifacts", self._artifacts),
            (f"{here}/actions/artifacts/<int:number>/zip", self._artifact_zip),
            (f"{here}/actions/runs/<int:number>", self._run),
            (f"{here}/actions/runs/<int:number>/artifacts", self._run_artifacts),
            (f"{here}/collaborators/<login>/permission", self._permission),
            (f"{here}/pulls", self._pulls),
        ):
            fake.app.add_url_rule(rule, f"{repo}{rule}", view, methods=["GET"])

    def put(self, commit: str, files: Mapping[str, bytes | str], under: str = "") -> None:
        """Let a commit hold files."""
        for name, content in files.items():
            path = f"{under}/{name}" if under else name
            self.files[commit, path] = content.encode() if isinstance(content, str) else content

    def release(self, tag: str, name: str, content: bytes, digest: str = "") -> None:
        """Publish an asset."""
        self.number += 1
        asset = {"id": self.number, "name": name, "updated_at": "2026-01-01T00:00:00Z"}
        asset["digest"] = digest or f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.releases.setdefault(tag, []).append(asset)
        self.downloads[f"asset-{self.number}"] = content

    def artifact(
        self,
        name: str,
        content: bytes,
        *,
        run: int = 5,
        event: str = "schedule",
        branch: str = "main",
        head_repo: int = 1,
        path: str = ".github/workflows/retrain.yml",
        conclusion: str = "success",
    ) -> None:
        """Leave an artifact behind in a run."""
        self.number += 1
        of = {
            "id": run,
            "repository_id": 1,
            "head_repository_id": head_repo,
            "head_branch": branch,
        }
        self.artifacts.append(
            {
                "id": self.number,
                "name": name,
                "size_in_bytes": len(content),
                "expired": False,
                "workflow_run": of,
            }
        )
        self.runs[run] = {"id": run, "event": event, "path": path, "conclusion": conclusion}
        self.downloads[f"artifact-{self.number}"] = content

    def _repository(self) -> Answered:
        return jsonify({"full_name": self.repo, "default_branch": "main"})

    def _contents(self, path: str) -> Answered:
        commit = request.args.get("ref", "")
        found = self.files.get((commit, path))
        if found is not None:
            return Response(found, content_type="application/vnd.github.raw+json")
        inside = {
            name.removeprefix(f"{path}/"): content
            for (at, name), content in self.files.items()
            if at == commit and name.startswith(f"{path}/")
        }
        if not inside:
            return jsonify({"message": "Not Found"}), 404
        entries = [
            {"name": name, "type": "file", "sha": blob_sha(content), "size": len(content)}
            for name, content in inside.items()
            if "/" not in name
        ]
        return Response(json.dumps(entries), content_type="application/json")

    def _blob(self, sha: str) -> Answered:
        for content in self.files.values():
            if blob_sha(content) == sha:
                return Response(content, content_type="application/vnd.github.raw+json")
        return jsonify({"message": "Not Found"}), 404

    def _release(self, tag: str) -> Answered:
        if tag not in self.releases:
            return jsonify({"message": "Not Found"}), 404
        return jsonify({"tag_name": tag, "assets": self.releases[tag]})

    def _asset(self, number: int) -> Answered:
        assert request.headers["Accept"] == "application/octet-stream"
        return redirect(f"{self.download_url}/asset-{number}")

    def _artifacts(self) -> Answered:
        name = request.args.get("name")
        found = [one for one in self.artifacts if one["name"] == name]
        return jsonify({"total_count": len(found), "artifacts": found})

    def _run_artifacts(self, number: int) -> Answered:
        name = request.args.get("name")
        found = [
            one
            for one in self.artifacts
            if one["name"] == name and one["workflow_run"]["id"] == number
        ]
        return jsonify({"total_count": len(found), "artifacts": found})

    def _artifact_zip(self, number: int) -> Answered:
        return redirect(f"{self.download_url}/artifact-{number}")

    def _run(self, number: int) -> Answered:
        return jsonify(self.runs[number])

    def _permission(self, login: str) -> Answered:
        return jsonify({"permission": self.permissions.get(login, "read")})

    def _pulls(self) -> Answered:
        owner, _, branch = request.args.get("head", "").partition(":")
        found = [
            one.pull
            for (repo, _), one in self.fake.pulls.items()
            if repo == self.repo
            and one.pull["state"] == request.args.get("state", "open")
            and one.pull["head"].get("ref") == branch
            and one.pull["head"]["repo"]["full_name"].startswith(f"{owner}/")
        ]
        return jsonify(found)

    def storage(self) -> Flask:
        """The other host, to serve beside the fake."""
        app = Flask("fake-storage")

        @app.get("/<name>")
        def download(name: str) -> Response:
            if "Authorization" in request.headers:
                abort(400)
            if name not in self.downloads:
                abort(404)
            return Response(self.downloads[name], content_type="application/octet-stream")

        return app
