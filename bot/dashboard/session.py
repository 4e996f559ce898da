"""Who may see the dashboard: whoever knows the admin token, for some hours, in one browser.

The cookie is signed with a key made from the token, so that another token ends every session.
Every form carries a value of its session. Wrong tokens are counted, and soon all are refused.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from flask import Blueprint, Response, abort, redirect, request, session, url_for
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as AnyResponse

from bot.dashboard.pages import ICON, read_style, render
from postil.errors import ConfigError

TOKEN = "POSTIL_ADMIN_TOKEN"  # noqa: S105 - the name of the variable
SHORTEST_TOKEN = 32
SESSION_S = 12 * 3600
WRONG_TRIES, WRONG_SPAN_S = 10, 60.0
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'{forms};"
    " frame-ancestors 'none'; base-uri 'none'"
)
OPEN_TO_ALL = ("login", "style", "icon")


def load_admin_token(environment: Mapping[str, str]) -> str:
    """The admin token, "" where none is set; ConfigError for a guessable one."""
    token = environment.get(TOKEN, "")
    file = environment.get(f"{TOKEN}_FILE", "")
    if not token and file:
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{TOKEN}_FILE: {file} cannot be read") from error
    if token and len(token) < SHORTEST_TOKEN:
        raise ConfigError(
            f"{TOKEN} has {len(token)} characters; at least {SHORTEST_TOKEN} are needed, for"
            " example from: openssl rand -hex 32"
        )
    return token


class Guard:
    """Stands before every page of a blueprint, and is its way in."""

    def __init__(
        self,
        token: str,
        *,
        secure: bool = False,
        forms: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        """`secure`: cookies over TLS only; `forms`: another place that forms may send to."""
        self._token = token.encode()
        self._secure = secure
        self._policy = POLICY.format(forms=f" {forms}" if forms else "")
        self._now = now
        self._wrong: list[float] = []
        self._turn = threading.Lock()
        self._name = ""

    def cover(self, pages: Blueprint) -> None:
        """Guard a blueprint, and give it the login."""
        self._name = pages.name
        pages.record_once(self._sign_cookies)
        pages.before_request(self._check)
        pages.after_request(self._protect)
        pages.add_url_rule("/login", "login", self._login, methods=["GET", "POST"])
        pages.add_url_rule("/logout", "logout", self._logout, methods=["POST"])
        pages.add_url_rule("/style.css", "style", _style)
        pages.add_url_rule("/icon.svg", "icon", _icon)

    def _sign_cookies(self, setup: BlueprintSetupState) -> None:
        setup.app.secret_key = hashlib.sha256(b"postil session " + self._token).digest()
        setup.app.config.update(
            SESSION_COOKIE_NAME="postil",
            SESSION_COOKIE_HTTPONLY=True,
            SESSION_COOKIE_SAMESITE="Lax",
            SESSION_COOKIE_SECURE=self._secure,
        )

    def _protect(self, response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", self._policy)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    def _check(self) -> AnyResponse | None:
        """The login page, or a refusal; None lets the request through."""
        if request.endpoint in [f"{self._name}.{page}" for page in OPEN_TO_ALL]:
            return None
        if not self._is_in():
            session.clear()
            return redirect(url_for(f"{self._name}.login"))
        if request.method == "POST" and not self._is_own_form():
            abort(403, "this form is not of this session; go back and load the page again")
        return None

    def _login(self) -> AnyResponse | str | tuple[str, int]:
        """The form, and what it sends."""
        if request.method == "GET":
            return render("login.html")
        if self._too_many():
            return render("login.html", said="Too many wrong tokens; wait a minute."), 429
        given = request.form.get("token", "").strip().encode("utf-8", "backslashreplace")
        if not hmac.compare_digest(given, self._token):
            with self._turn:
                self._wrong.append(self._now())
            return render("login.html", said="That is not the admin token."), 403
        session.clear()
        session.update(until=self._now() + SESSION_S, csrf=secrets.token_urlsafe(24))
        return redirect(url_for(f"{self._name}.start"), 303)

    def _logout(self) -> AnyResponse:
        """End the session in this browser."""
        session.clear()
        return redirect(url_for(f"{self._name}.login"), 303)

    def _is_in(self) -> bool:
        until = session.get("until")
        return isinstance(until, float) and until > self._now()

    def _is_own_form(self) -> bool:
        given = request.form.get("csrf", "").encode("utf-8", "backslashreplace")
        held = str(session.get("csrf", "")).encode()
        return bool(held) and hmac.compare_digest(given, held)

    def _too_many(self) -> bool:
        with self._turn:
            self._wrong = [at for at in self._wrong if at > self._now() - WRONG_SPAN_S]
            return len(self._wrong) >= WRONG_TRIES


def _style() -> Response:
    return Response(read_style(), content_type="text/css; charset=utf-8")


def _icon() -> Response:
    return Response(ICON.read_text(encoding="utf-8"), content_type="image/svg+xml")
