"""The webhook door: verify, commit, acknowledge. Nothing else happens inside a request.

The signature over the raw bytes is checked before anything of them is read; a delivery is
acknowledged only when it is committed. Every answer is JSON and says what was done and why.
"""

import logging
import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from bot.door.delivery import Delivery, Receipt
from bot.door.events import UNREADABLE, Revival, read_event
from bot.door.inbox import Inbox
from bot.door.schema import deliveries
from bot.door.signature import verify
from bot.door.slow_bodies import SlowBodies
from bot.operations.metrics import Metrics
from postil.errors import SignatureError
from postil.settings import Settings

log = logging.getLogger(__name__)

DELIVERY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
KNOWN_EVENTS = frozenset(
    {
        "check_run",
        "check_suite",
        "installation",
        "installation_repositories",
        "issue_comment",
        "meta",
        "ping",
        "pull_request",
        "pull_request_review",
        "pull_request_review_comment",
        "pull_request_review_thread",
        "push",
    }
)
"""Names that become labels of metrics; any other is `other`."""
RECEIPTS: dict[Receipt, tuple[int, str]] = {
    "new": (202, "accepted"),
    "again": (202, "accepted again"),
    "duplicate": (200, "duplicate"),
}

Answer = tuple[Response, int]


def create_app(
    settings: Settings,
    secret: bytes,
    inbox: Inbox,
    *,
    accept: Callable[[Delivery], Receipt] | None = None,
    wake: Callable[[], None] = lambda: None,
    trouble: Callable[[], str] = lambda: "",
) -> Flask:
    """The app. `accept` commits a delivery, `wake` is called after each commit; `trouble` says
    why no review can be made."""
    app = Flask("postil")
    app.config["MAX_CONTENT_LENGTH"] = settings.server.max_body_mb * 1024 * 1024
    door = _Door(settings, secret, inbox, accept or inbox.accept, wake)

    @app.post("/webhook")
    def webhook() -> Answer:
        return door.receive()

    @app.get("/healthz")
    def healthz() -> Answer:
        return _say(200, "alive")

    @app.get("/readyz")
    def readyz() -> Answer:
        try:
            states = inbox.count()
        except SQLAlchemyError as error:
            return _say(503, "not ready", f"the inbox cannot be read: {type(error).__name__}")
        why = trouble()
        return _say(503 if why else 200, "not ready" if why else "ready", why, jobs=states)

    @app.get("/metrics")
    def metrics() -> Response | Answer:
        try:
            return Response(door.metrics.render(), content_type="text/plain; version=0.0.4")
        except SQLAlchemyError as error:
            return _say(503, "no metrics", f"the inbox cannot be read: {type(error).__name__}")

    @app.errorhandler(SignatureError)
    def unsigned(error: SignatureError) -> Answer:
        door.metrics.count("other", "unsigned")
        log.warning("refused reason=%s", error)
        return _say(401, "refused", str(error))

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Answer:
        return _say(error.code or 500, "refused", error.name)

    return app


class _Door:
    """What `/webhook` does with a request."""

    def __init__(
        self,
        settings: Settings,
        secret: bytes,
        inbox: Inbox,
        accept: Callable[[Delivery], Receipt],
        wake: Callable[[], None],
    ) -> None:
        self.metrics = Metrics(inbox)
        self._only = settings.repo
        self._secret = secret
        self._inbox = inbox
        self._accept = accept
        self._wake = wake
        self._bodies = SlowBodies()

    def receive(self) -> Answer:
        """Verify, read, commit; the answer."""
        with self._bodies.watched(request.environ.get("gunicorn.socket")):
            body = request.get_data(cache=False, parse_form_data=False)
        verify(self._secret, body, request.headers.get("X-Hub-Signature-256"))
        name = request.headers.get("X-GitHub-Event", "")
        delivery = request.headers.get("X-GitHub-Delivery", "")
        status, outcome, reason = self._handle(name, delivery, body)
        self.metrics.count(name if name in KNOWN_EVENTS else "other", outcome)
        return _say(status, outcome, reason)

    def _handle(self, name: str, delivery: str, body: bytes) -> tuple[int, str, str]:
        if not name or not DELIVERY_ID.fullmatch(delivery):
            return 400, "refused", "X-GitHub-Event and X-GitHub-Delivery are needed"
        if name == "ping":
            return 200, "pong", ""
        if request.mimetype != "application/json":
            return 415, "refused", "set the webhook's content type to application/json"
        try:
            found = read_event(name, delivery, body, self._only)
        except UNREADABLE as error:
            return 400, "refused", f"not a {name} event: {error}"
        if isinstance(found, str):
            return 202, "ignored", found
        try:
            if isinstance(found, Revival):
                return 202, "accepted", self._revive(found)
            receipt = self._accept(found)
        except SQLAlchemyError as error:
            log.error("not stored delivery=%s reason=%s", delivery, type(error).__name__)
            return 503, "not stored", "deliver it again later"
        log.info("delivery=%s repo=%s receipt=%s", delivery, found.repo, receipt)
        if receipt != "duplicate":
            self._wake()
        return *RECEIPTS[receipt], ""

    def _revive(self, revival: Revival) -> str:
        """What was parked for an account may begin anew."""
        owned = sa.func.lower(deliveries.c.repo).startswith(
            f"{revival.account.lower()}/", autoescape=True
        )
        parked = owned & (deliveries.c.state == "parked")
        count = self._inbox.revive(parked, "the installation can work again")
        if count:
            self._wake()
        return f"{count} parked jobs begin anew"


def _say(status: int, outcome: str, reason: str = "", **more: Any) -> Answer:
    words = {"status": outcome} | ({"reason": reason} if reason else {}) | more
    return jsonify(words), status
