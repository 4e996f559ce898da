"""A fake GitHub that reads: GraphQL and REST over one archive of raw objects, on 127.0.0.1.

Ours, not GitHub's (see graphql_fake.py). Every request is counted; faults can be put before any.

    python -m tests.archive_server --port 4020 --data FOLDER --repo owner/name
"""

import argparse
import json
import re
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.graphql_fake import GraphQL

Json = dict[str, Any]

PUBLIC_API = b"https://api.github.com"
TOKEN = "not-a-real-token-of-anything"


@dataclass
class Answer:
    """What is sent instead of the true answer."""

    status: int
    body: Json
    headers: dict[str, str] = field(default_factory=dict)


class ArchiveServer:
    """`faults` are answers by the number of the request, from 1 on; `graphql` may be None."""

    def __init__(self, repo: str, records: dict[int, Json], *, graphql: bool = True) -> None:
        self.repo, self.records = repo, records
        self.graphql = GraphQL(repo, records) if graphql else None
        self.faults: dict[int, Answer] = {}
        self.token = TOKEN
        self.installation: int | None = None
        """Of an App on this repository; its tokens are `token`."""
        self.requests: list[str] = []
        self.seen: list[Json] = []
        """The questions to GraphQL, as they came."""
        self.address = ""
        self.writers: frozenset[str] | None = None
        """Who may push; None: the token may not ask."""
        self.git: Path | None = None
        """A bare repository behind `git update-server-info`, for git signed in with the token."""

    @property
    def where(self) -> str:
        """What `--source github:` takes."""
        return f"{self.address}/{self.repo}"

    @contextmanager
    def serve(self, port: int = 0) -> Iterator["ArchiveServer"]:
        """Listen in a thread."""
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # head and body in one piece

            def do_GET(self) -> None:
                if self.path.startswith(f"/{host.repo}.git/"):
                    self._send_git()
                else:
                    self._send(host.take(self, b""))

            def _send_git(self) -> None:
                file = host.git_file(urlsplit(self.path).path)
                signed = b64encode(f"x-access-token:{host.token}".encode()).decode()
                known = self.headers.get("Authorization") == f"Basic {signed}"
                body = file.read_bytes() if known and file and file.is_file() else b""
                self.send_response(401 if not known else 200 if body else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._send(host.take(self, body))

            def _send(self, answer: Answer) -> None:
                body = json.dumps(answer.body).encode()
                body = body.replace(PUBLIC_API, f"{host.address}/api/v3".encode())
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *ignored: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        self.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def git_file(self, path: str) -> Path | None:
        """The file of the bare repository that git asks for."""
        return self.git / path.removeprefix(f"/{self.repo}.git/") if self.git else None

    def take(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        """Answer one request."""
        path = request.path.removeprefix("/api/v3").removeprefix("/api")
        self.requests.append(f"{request.command} {path}")
        if path == "/requests":
            return Answer(200, {"requests": len(self.requests)})
        fault = self.faults.pop(len(self.requests), None)
        if fault:
            return fault
        if path == f"/repos/{self.repo}/installation" and self.installation:
            return Answer(200, {"id": self.installation})
        if path == f"/app/installations/{self.installation}/access_tokens":
            return Answer(201, {"token": self.token, "expires_at": "2099-01-01T00:00:00Z"})
        sent = request.headers.get("Authorization", "").split(" ")[-1]
        if sent != self.token:
            return Answer(401, {"message": "Bad credentials"})
        if path == "/graphql":
            if self.graphql is None:
                return Answer(404, {"message": "Not Found"})
            asked = json.loads(body)
            self.seen.append(asked)
            return Answer(200, self.graphql.answer(asked["query"], asked["variables"]))
        return self._rest(path)

    def _rest(self, path: str) -> Answer:
        parts = urlsplit(path)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        prefix = f"/repos/{self.repo}"
        if parts.path == prefix:
            return Answer(200, {"full_name": self.repo, "url": f"{self.address}/api/v3{prefix}"})
        found = re.fullmatch(
            rf"{prefix}/(?P<kind>pulls|issues)(?:/(?P<number>\d+)(?:/(?P<part>\w+))?)?", parts.path
        )
        reacted = re.fullmatch(rf"{prefix}/pulls/comments/\d+/reactions", parts.path)
        if reacted:
            return Answer(200, [])  # type: ignore[arg-type]
        asked = re.fullmatch(rf"{prefix}/collaborators/(?P<login>\S+)/permission", parts.path)
        if asked and self.writers is None:
            return Answer(403, {"message": "Must have push access to view this."})
        if asked and self.writers is not None:
            return Answer(
                200, {"permission": "write" if asked["login"] in self.writers else "read"}
            )
        number = int(found["number"]) if found and found["number"] else None
        if found is None or (number is not None and number not in self.records):
            return Answer(404, {"message": "Not Found"})
        if number is None:
            newest = sorted(self.records.values(), key=lambda r: r["pull"]["updated_at"])
            state = query.get("state", "open")  # GitHub's default
            wanted = ("open", "closed") if state == "all" else (state,)
            pulls = [r["pull"] for r in reversed(newest) if r["pull"]["state"] in wanted]
            return self._page(parts.path, query, pulls)
        record = self.records[number]
        if found["part"] is None:
            return Answer(200, record["pull"])
        parts_of = {
            "talk": record.get("talk", []),
            "timeline": record["events"],
            "comments": record["comments"],
            "reviews": [e for e in record["events"] if e.get("event") == "reviewed"],
            "commits": [e for e in record["events"] if e.get("event") == "committed"],
        }
        talk = found["kind"] == "issues" and found["part"] == "comments"
        return self._page(parts.path, query, parts_of["talk" if talk else found["part"]])

    def _page(self, path: str, query: dict[str, str], members: list[Json]) -> Answer:
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        some = members[(page - 1) * size : page * size]
        headers = {}
        if page * size < len(members):
            more = "&".join(f"{k}={v}" for k, v in {**query, "page": str(page + 1)}.items())
            headers["Link"] = f'<{self.address}/api/v3{path}?{more}>; rel="next"'
        return Answer(200, some, headers)  # type: ignore[arg-type]


def load_records(folder: Path) -> dict[int, Json]:
    """The records of a folder of `*.json`, by the number of their pull request."""
    records = (json.loads(file.read_bytes()) for file in sorted(folder.glob("*.json")))
    return {record["pull"]["number"]: record for record in records if "pull" in record}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=4020)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--repo", required=True)
    asked = parser.parse_args()
    server = ArchiveServer(asked.repo, load_records(asked.data))
    with server.serve(asked.port):
        print(server.address, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
