"""The webhook door: verify, commit, acknowledge. Nothing else happens inside a request.

The signature over the raw bytes is checked before anything of them is read; a delivery is
acknowledged only when it is committed. Every answer is JSON and says what was done and why.
"""

import logging
import re
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from bot.inbox import Delivery, Inbox
from bot.signature import verify
from postil.errors import SignatureError
from postil.settings import Settings

log = logging.getLogger(__name__)

ACTIONS = ("opened", "synchronize", "synchronized", "reopened", "ready_for_review")
"""`synchronized` is how Forgejo says `synchronize`."""
DELIVERY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading JSON may raise: wrong shape, broken text, brackets without end."""

Answer = tuple[Response, int]


class HeadPart(msgspec.Struct):
    """`head` of a pull request. Of these events we read nothing but what stands here."""

    sha: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40,64}$")]


class PullPart(msgspec.Struct):
    """`pull_request` of the event."""

    head: HeadPart


class RepositoryPart(msgspec.Struct):
    """`repository` of the event."""

    full_name: Annotated[str, msgspec.Meta(pattern=r"^[\w.-]{1,90}/[\w.-]{1,100}$")]


class PullEvent(msgspec.Struct):
    """A `pull_request` event."""

    action: str
    number: Annotated[int, msgspec.Meta(ge=1, lt=2**31)]
    pull_request: PullPart
    repository: RepositoryPart


class ActionOnly(msgspec.Struct):
    """Any event."""

    action: str = ""


def create_app(
    settings: Settings,
    secret: bytes,
    inbox: Inbox,
    *,
    wake: Callable[[], None] = lambda: None,
    trouble: Callable[[], str] = lambda: "",
) -> Flask:
    """The app. `wake` is called after each commit; `trouble` says why no review can be made."""
    app = Flask("postil")
    app.config["MAX_CONTENT_LENGTH"] = settings.server.max_body_mb * 1024 * 1024

    @app.post("/webhook")
    def webhook() -> Answer:
        body = request.get_data(cache=False, parse_form_data=False)
        verify(secret, body, request.headers.get("X-Hub-Signature-256"))
        name = request.headers.get("X-GitHub-Event", "")
        delivery = request.headers.get("X-GitHub-Delivery", "")
        if not name or not DELIVERY_ID.fullmatch(delivery):
            return _say(400, "refused", "X-GitHub-Event and X-GitHub-Delivery are needed")
        if name == "ping":
            return _say(200, "pong")
        if request.mimetype != "application/json":
            return _say(415, "refused", "set the webhook's content type to application/json")
        try:
            found = _read(name, delivery, body, settings.repo)
        except UNREADABLE as error:
            return _say(400, "refused", f"not a {name} event: {error}")
        if isinstance(found, str):
            return _say(202, "ignored", found)
        return _commit(inbox, found, wake)

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

    @app.errorhandler(SignatureError)
    def unsigned(error: SignatureError) -> Answer:
        log.warning("refused reason=%s", error)
        return _say(401, "refused", str(error))

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Answer:
        return _say(error.code or 500, "refused", error.name)

    return app


def _read(name: str, delivery: str, body: bytes, only: str) -> Delivery | str:
    """The delivery to keep, or why it is none of ours."""
    action = msgspec.json.decode(body, type=ActionOnly).action
    if name != "pull_request" or action not in ACTIONS:
        return f"{name} {action}".strip() + ": nothing to review"
    event = msgspec.json.decode(body, type=PullEvent)
    repo = event.repository.full_name
    if only and repo.lower() != only.lower():
        return f"{repo} is not the repository of postil.toml"
    return Delivery(
        delivery=delivery,
        action=action,
        repo=repo,
        pull=event.number,
        head_sha=event.pull_request.head.sha,
    )


def _commit(inbox: Inbox, delivery: Delivery, wake: Callable[[], None]) -> Answer:
    try:
        receipt = inbox.accept(delivery)
    except SQLAlchemyError as error:
        log.error("not stored delivery=%s reason=%s", delivery.delivery, type(error).__name__)
        return _say(503, "not stored", "deliver it again later")
    log.info("delivery=%s repo=%s receipt=%s", delivery.delivery, delivery.repo, receipt)
    if receipt == "duplicate":
        return _say(200, "duplicate")
    wake()
    return _say(202, "accepted" if receipt == "new" else "accepted again")


def _say(status: int, outcome: str, reason: str = "", **more: Any) -> Answer:
    words = {"status": outcome} | ({"reason": reason} if reason else {}) | more
    return jsonify(words), status
