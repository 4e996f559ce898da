"""A small fake GitHub of our own making; not GitHub, and not independent of our understanding.

It serves pull requests on 127.0.0.1 over real HTTP, keeps to what GitHub documents (a comment's
line must lie in the diff, or the whole review is a 422; bodies up to 65,536 characters; pages;
tokens) and can be told to fail in the ways GitHub does. Diffs are judged by unidiff, not by our
reader. Every request is recorded and checked against GitHub's OpenAPI description.

    python -m tests.github_fake --port 4010 --data ../shared/data/github/rest-pulls
"""

import argparse
import itertools
import json
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.github_rules import diff_of_hunks, refusal
from tests.github_threads_fake import answer_threads
from tests.openapi import SUBSET, Description

ACCOUNT = "postil-bot"
TOKEN = "not-a-real-token-of-anything"

Payload = dict[str, Any]


@dataclass
class FakePull:
    """One pull request with all that was said on it."""

    pull: Payload
    comments: list[Payload] = field(default_factory=list)
    reviews: list[Payload] = field(default_factory=list)
    diff: str = ""
    earlier_heads: list[str] = field(default_factory=list)
    talk: list[Payload] = field(default_factory=list)
    """Comments on no line."""
    resolved: dict[int, str] = field(default_factory=dict)
    """Who resolved a thread, by the id of its first comment."""
    refused: set[int] = field(default_factory=set)
    """Line comments with a thumbs-down."""
    may_resolve: bool = True

    def push(self, head_sha: str, diff: str) -> None:
        """Somebody pushes a new head."""
        self.earlier_heads.append(self.pull["head"]["sha"])
        self.pull["head"]["sha"] = head_sha
        self.diff = diff


@dataclass
class Fault:
    """What goes wrong with the next requests that match.

    `applied`: the request takes effect first. `reset`: the connection breaks instead of an
    answer. `reached` is set when a request got here; it then waits for `release`, if given.
    """

    method: str
    path: str
    status: int = 0
    times: int = 1
    applied: bool = False
    reset: bool = False
    accept: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: Payload = field(default_factory=lambda: {"message": "Server Error"})
    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event | None = None

    def takes(self, method: str, path: str, accept: str) -> bool:
        """Whether this request is the one; `path` is a regular expression."""
        found = re.search(self.path, path) is not None
        return self.times > 0 and method == self.method and found and self.accept in accept


@dataclass(frozen=True)
class Recorded:
    """One request as it arrived."""

    method: str
    path: str
    body: Any

    @property
    def writes(self) -> bool:
        """Whether it would change something; a question to GraphQL is a POST as well."""
        asks = self.path == "/graphql" and "mutation" not in self.body["query"]
        return self.method != "GET" and not asks


class FakeGitHub:
    """The state, the app over it, and the thread that serves it."""

    def __init__(self, description: Description | None = None) -> None:
        if description is None and SUBSET.exists():
            description = Description.load()
        self.description = description
        self.pulls: dict[tuple[str, int], FakePull] = {}
        self.requests: list[Recorded] = []
        self.violations: list[str] = []
        self.faults: list[Fault] = []
        self._ids = itertools.count(9_000_001)
        self._lock = threading.Lock()
        self.app = self._build()

    def add(self, repo: str, pull: FakePull) -> FakePull:
        """Put a pull request on the host."""
        self.pulls[repo, pull.pull["number"]] = pull
        return pull

    def load(self, folder: Path, reopened: bool = False) -> None:
        """Real pull requests, with a diff pieced together from their comments' hunks.

        `reopened` pretends that they were still open.
        """
        for file in sorted(folder.glob("*.json")):
            raw = json.loads(file.read_bytes())
            pull = raw["pull"] | ({"state": "open", "draft": False} if reopened else {})
            reviews = [event for event in raw["events"] if event["event"] == "reviewed"]
            comments = raw["comments"]
            repo = pull["base"]["repo"]["full_name"]
            self.add(repo, FakePull(pull, comments, reviews, diff_of_hunks(comments)))

    def fail(self, method: str, path: str, **how: Any) -> Fault:
        """Let the next matching request go wrong."""
        fault = Fault(method, path, **how)
        self.faults.append(fault)
        return fault

    def ours(self, repo: str, number: int) -> list[Payload]:
        """The reviews of our account on a pull request."""
        reviews = self.pulls[repo, number].reviews
        return [review for review in reviews if review["user"]["login"] == ACCOUNT]

    def posts(self) -> list[Recorded]:
        """Every write that arrived."""
        return [recorded for recorded in self.requests if recorded.writes]

    def serve(self, port: int = 0) -> "Served":
        """Serve in a thread of this process, on a free port unless one is given."""
        return Served(self.app, port)

    def _build(self) -> Flask:
        app = Flask("fake-github")
        pull = "/repos/<owner>/<name>/pulls/<int:number>"
        app.before_request(self._receive)
        app.after_request(self._answered)
        for method, rule, view in (
            ("GET", "/user", self._get_user),
            ("GET", pull, self._get_pull),
            ("GET", f"{pull}/comments", self._get_comments),
            ("GET", f"{pull}/reviews", self._get_reviews),
            ("POST", f"{pull}/reviews", self._post_review),
            ("GET", "/repos/<owner>/<name>/issues/<int:number>/comments", self._get_talk),
            ("POST", "/repos/<owner>/<name>/issues/<int:number>/comments", self._post_talk),
            ("PATCH", "/repos/<owner>/<name>/issues/comments/<int:comment>", self._edit_talk),
            ("GET", "/repos/<owner>/<name>/pulls/comments/<int:comment>", self._get_comment),
            ("PATCH", "/repos/<owner>/<name>/pulls/comments/<int:comment>", self._edit_comment),
            ("GET", "/repos/<owner>/<name>/compare/<spec>", self._compare),
            ("POST", "/graphql", self._graphql),
        ):
            app.add_url_rule(rule, view.__name__, view, methods=[method])
        app.errorhandler(KeyError)(lambda _: (jsonify({"message": "Not Found"}), 404))
        return app

    def _receive(self) -> Response | tuple[Response, int] | None:
        body = request.get_data()
        with self._lock:
            self.requests.append(
                Recorded(
                    request.method, request.full_path.rstrip("?"), request.get_json(True, True)
                )
            )
            if self.description is not None and request.path != "/graphql":
                self.violations += self.description.violations(
                    request.method, request.path, request.args, body
                )
        if request.headers.get("Authorization") not in (f"token {TOKEN}", f"Bearer {TOKEN}"):
            return jsonify({"message": "Bad credentials"}), 401
        fault = self._fault()
        if fault is None or fault.applied:
            request.environ["fault"] = fault
            return None
        return self._break(fault)

    def _answered(self, response: Response) -> Response:
        fault: Fault | None = request.environ.get("fault")
        return response if fault is None else self._break(fault, response)

    def _fault(self) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.takes(request.method, request.path, request.headers.get("Accept", "")):
                    fault.times -= 1
                    return fault
        return None

    def _break(self, fault: Fault, response: Response | None = None) -> Response:
        fault.reached.set()
        if fault.release is not None:
            fault.release.wait(60)
        if fault.reset:
            request.environ["werkzeug.socket"].shutdown(SHUT_RDWR)
        if fault.status:
            response = jsonify(fault.body)
            response.status_code = fault.status
            response.headers.update(fault.headers)
        return response or jsonify({})

    def _find(self, owner: str, name: str, number: int) -> FakePull:
        return self.pulls[f"{owner}/{name}", number]

    def _get_user(self) -> Response:
        return jsonify({"login": ACCOUNT, "id": 1, "type": "Bot"})

    def _get_comments(self, owner: str, name: str, number: int) -> Response:
        return self._page(self._find(owner, name, number).comments)

    def _get_reviews(self, owner: str, name: str, number: int) -> Response:
        return self._page(self._find(owner, name, number).reviews)

    def _get_pull(self, owner: str, name: str, number: int) -> Response:
        pull = self._find(owner, name, number)
        if "diff" in request.headers.get("Accept", ""):
            return Response(pull.diff, content_type="application/vnd.github.diff; charset=utf-8")
        return self._localised(pull.pull)

    def _page(self, rows: list[Payload]) -> Response:
        size, page = int(request.args.get("per_page", 30)), int(request.args.get("page", 1))
        response = self._localised(rows[(page - 1) * size : page * size])
        if page * size < len(rows):
            here = f"{request.base_url}?per_page={size}"
            last = -(-len(rows) // size)
            response.headers["Link"] = (
                f'<{here}&page={page + 1}>; rel="next", <{here}&page={last}>; rel="last"'
            )
        return response

    def _localised(self, value: Any) -> Response:
        """Addresses of the API point here: PyGithub refuses to follow any other."""
        text = json.dumps(value).replace("https://api.github.com", request.host_url.rstrip("/"))
        return Response(text, content_type="application/json; charset=utf-8")

    def _post_review(self, owner: str, name: str, number: int) -> Response | tuple[Response, int]:
        pull = self._find(owner, name, number)
        asked = request.get_json()
        with self._lock:
            commits = {*pull.earlier_heads, pull.pull["head"]["sha"]}
            if problem := refusal(asked, pull.diff, commits):
                refused = {"message": "Unprocessable Entity", "errors": [problem]}
                return jsonify(refused), 422
            review = self._review(pull, asked)
            pull.reviews.append(review)
            pull.comments += [
                self._comment(pull, review, comment) for comment in asked.get("comments", [])
            ]
        return self._localised(review)

    def _get_talk(self, owner: str, name: str, number: int) -> Response:
        return self._page(self._find(owner, name, number).talk)

    def _post_talk(self, owner: str, name: str, number: int) -> Response | tuple[Response, int]:
        pull = self._find(owner, name, number)
        said = {
            "id": next(self._ids),
            "user": {"login": ACCOUNT, "id": 1, "type": "Bot"},
            "body": request.get_json()["body"],
            "html_url": f"{pull.pull['html_url']}#issuecomment",
        }
        with self._lock:
            pull.talk.append(said)
        return self._localised(said), 201

    def _edit_talk(self, owner: str, name: str, comment: int) -> Response:
        return self._edit([one for pull in self.pulls.values() for one in pull.talk], comment)

    def _edit_comment(self, owner: str, name: str, comment: int) -> Response:
        return self._edit(self._comments(), comment)

    def _get_comment(self, owner: str, name: str, comment: int) -> Response:
        return self._localised(_by_id(self._comments(), comment))

    def _edit(self, said: list[Payload], number: int) -> Response:
        found = _by_id(said, number)
        with self._lock:
            found["body"] = request.get_json()["body"]
        return self._localised(found)

    def _comments(self) -> list[Payload]:
        return [one for pull in self.pulls.values() for one in pull.comments]

    def _compare(self, owner: str, name: str, spec: str) -> Response:
        return self._localised({"merge_base_commit": {"sha": spec.partition("...")[0]}})

    def _graphql(self) -> Response:
        asked = request.get_json()
        with self._lock:
            return jsonify(answer_threads(self.pulls, asked["query"], asked["variables"]))

    def _review(self, pull: FakePull, asked: Payload) -> Payload:
        number = next(self._ids)
        return {
            "id": number,
            "user": {"login": ACCOUNT, "id": 1, "type": "Bot"},
            "body": asked["body"],
            "state": "COMMENTED",
            "commit_id": asked.get("commit_id", pull.pull["head"]["sha"]),
            "submitted_at": "2026-11-23T12:00:00Z",
            "author_association": "NONE",
            "html_url": f"{pull.pull['html_url']}#pullrequestreview-{number}",
            "pull_request_url": pull.pull["url"],
        }

    def _comment(self, pull: FakePull, review: Payload, asked: Payload) -> Payload:
        number = next(self._ids)
        kept = {key: asked.get(key) for key in ("path", "body", "line", "side")}
        spans = {key: asked.get(key) for key in ("start_line", "start_side")}
        return {
            **kept,
            **spans,
            "id": number,
            "pull_request_review_id": review["id"],
            "user": review["user"],
            "commit_id": review["commit_id"],
            "original_commit_id": review["commit_id"],
            "original_line": asked.get("line"),
            "in_reply_to_id": None,
            "created_at": review["submitted_at"],
            "updated_at": review["submitted_at"],
            "html_url": f"{pull.pull['html_url']}#discussion_r{number}",
            "url": re.sub(r"\d+$", f"comments/{number}", pull.pull["url"]),
        }


def _by_id(said: list[Payload], number: int) -> Payload:
    found = {one["id"]: one for one in said}
    return found[number]


class Served:
    """A running fake; a context manager whose `url` is the API's address."""

    def __init__(self, app: Flask, port: int = 0) -> None:
        self._server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> "Served":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        """Requests are recorded, not printed."""


def main() -> None:
    """Serve real pull requests until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=4010)
    parser.add_argument("--data", type=Path, required=True)
    asked = parser.parse_args()
    fake = FakeGitHub()
    fake.load(asked.data, reopened=True)
    with fake.serve(asked.port) as served:
        print(f"fake GitHub at {served.url}, token {TOKEN}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
