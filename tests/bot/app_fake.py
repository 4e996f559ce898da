"""The App side of a fake GitHub: tokens, checks, comments, permissions, deliveries, manifests.

It stands beside `tests.github_fake` on the same server; signatures of JWTs are verified. State is
plain lists that tests read.
"""

import itertools
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, Response, jsonify, request

from tests.bot.fake_pulls import REPO
from tests.github_fake import TOKEN, FakeGitHub

Payload = dict[str, Any]
SLUG = "postil-bot"
APP_ID = "4711"
UNTIMED: Any = {"verify_exp": False, "verify_iat": False}
"""Tests have clocks of their own."""


def make_key() -> tuple[str, Any]:
    """A private key in PEM, and its public part."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return pem.decode(), key.public_key()


@dataclass
class FakeApp:
    """What GitHub knows of our App."""

    public_key: Any
    fake: FakeGitHub
    suspended: bool = False
    installed: bool = True
    now: float = 0.0
    minted: list[Payload] = field(default_factory=list)
    checks: list[Payload] = field(default_factory=list)
    permissions: dict[str, str] = field(default_factory=dict)
    attempts: list[Payload] = field(default_factory=list)
    payloads: dict[int, Payload] = field(default_factory=dict)
    open_pulls: list[Payload] = field(default_factory=list)
    made: Payload = field(default_factory=dict)
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def comments(self) -> list[Payload]:
        """What stands on the small pull request, on no line."""
        return self.fake.pulls[REPO, 7].talk

    def mount(self, app: Flask) -> None:
        """Put the routes on the fake's app."""
        app.before_request_funcs.setdefault(None, []).insert(0, self._take_jwt)
        repo = "/repos/<owner>/<name>"
        for verb, rule, view in (
            ("GET", "/app", lambda: jsonify({"slug": SLUG})),
            ("GET", f"{repo}/installation", self._installation),
            ("POST", "/app/installations/<int:number>/access_tokens", self._mint),
            ("GET", f"{repo}/commits/<sha>/check-runs", self._find_checks),
            ("POST", f"{repo}/check-runs", self._make_check),
            ("PATCH", f"{repo}/check-runs/<int:number>", self._change_check),
            ("GET", f"{repo}/collaborators/<login>/permission", self._permission),
            ("GET", "/app/hook/deliveries", self._deliveries),
            ("GET", "/app/hook/deliveries/<int:number>", self._delivery),
            ("GET", f"{repo}/pulls", lambda **_: jsonify(self.open_pulls)),
            ("POST", "/app-manifests/<code>/conversions", self._convert),
        ):
            app.add_url_rule(rule, f"app {verb} {rule}", view, methods=[verb])

    def _take_jwt(self) -> Response | tuple[Response, int] | None:
        """The App's own requests are signed with its key; then they pass as any others."""
        if request.path.startswith("/app-manifests/"):
            request.environ["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
            return None
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if given.count(".") == 2:
            try:
                claims = jwt.decode(given, self.public_key, algorithms=["RS256"], options=UNTIMED)
            except jwt.PyJWTError:
                return jsonify({"message": "Bad credentials"}), 401
            if claims["iss"] != APP_ID or claims["exp"] - claims["iat"] > 600:
                return jsonify({"message": "Bad credentials"}), 401
            request.environ["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
        return None

    def _installation(self, owner: str, name: str) -> Response | tuple[Response, int]:
        if not self.installed:
            return jsonify({"message": "Not Found"}), 404
        stamp = "2026-11-28T00:00:00Z" if self.suspended else None
        return jsonify({"id": 77, "suspended_at": stamp})

    def _mint(self, number: int) -> tuple[Response, int]:
        self.minted.append(request.get_json())
        return jsonify({"token": TOKEN, "expires_at": "2026-11-28T13:00:00Z"}), 201

    def _find_checks(self, owner: str, name: str, sha: str) -> Response:
        found = [check for check in self.checks if check["head_sha"] == sha]
        return jsonify({"total_count": len(found), "check_runs": found})

    def _make_check(self, owner: str, name: str) -> tuple[Response, int]:
        check = {"id": next(self._ids), **request.get_json()}
        self.checks.append(check)
        return jsonify(check), 201

    def _change_check(self, owner: str, name: str, number: int) -> Response:
        check = next(check for check in self.checks if check["id"] == number)
        check.update(request.get_json())
        return jsonify(check)

    def _permission(self, owner: str, name: str, login: str) -> Response | tuple[Response, int]:
        if login not in self.permissions:
            return jsonify({"message": "Not Found"}), 404
        return jsonify({"permission": self.permissions[login]})

    def _deliveries(self) -> Response:
        at = int(request.args.get("cursor", 0))
        answer = jsonify(self.attempts[at : at + 2])
        if at + 2 < len(self.attempts):
            following = f"{request.host_url}app/hook/deliveries?per_page=100&cursor={at + 2}"
            answer.headers["Link"] = f'<{following}>; rel="next"'
        return answer

    def _delivery(self, number: int) -> Response:
        return jsonify({"request": {"headers": {}, "payload": self.payloads[number]}})

    def _convert(self, code: str) -> tuple[Response, int]:
        return (jsonify(self.made), 201) if self.made else (jsonify({"message": "gone"}), 404)
