"""`/setup`: register the GitHub App in one click, behind the admin token."""

import hmac
import secrets
from pathlib import Path

import msgspec
from flask import Blueprint, Flask, Response, abort, jsonify, request, session
from werkzeug.exceptions import HTTPException

from bot.dashboard.pages import render
from bot.dashboard.session import Guard
from bot.door.registration import form_address, make_manifest, register, registered
from mining.clients import site_of
from postil.errors import ConfigError, HostingError
from postil.settings import ServerSettings


class Setup:
    """Its two pages."""

    def __init__(self, home: Path, server: ServerSettings, token: str) -> None:
        self._home = home
        self._server = server
        secure = server.public_url.startswith("https://")
        self._guard = Guard(token, secure=secure, forms=site_of(server.api_url))

    def blueprint(self) -> Blueprint:
        """The routes under /setup."""
        pages = Blueprint("setup", __name__, url_prefix="/setup")
        self._guard.cover(pages)
        pages.add_url_rule("/", "start", self._start)
        pages.add_url_rule("/callback", "callback", self._callback)
        return pages

    def _start(self) -> str | tuple[str, int]:
        organisation = request.args.get("organisation", "").strip()
        address = request.args.get("address", "").strip() or self._server.public_url
        address = address or request.host_url.rstrip("/")
        session["state"] = secrets.token_urlsafe(24)
        said, action = "", ""
        try:
            action = form_address(self._server.api_url, organisation, session["state"])
        except ConfigError as error:
            said = str(error)
        page = render(
            "setup.html",
            app=registered(self._home),
            said=said,
            action=action,
            organisation=organisation,
            address=address,
            manifest=msgspec.json.encode(make_manifest(address)).decode(),
        )
        return page, 400 if said else 200

    def _callback(self) -> str | tuple[str, int]:
        """Where GitHub sends the browser back to, with a code and our own `state`."""
        held, given = session.pop("state", ""), request.args.get("state", "")
        if not held or not hmac.compare_digest(held.encode(), given.encode()):
            abort(403, "this is no answer to a registration of this session; begin again")
        if registered(self._home) is not None:
            abort(409, "an App is registered here already")
        try:
            app = register(self._home, self._server.api_url, request.args.get("code", ""))
        except HostingError as error:
            return render("setup_done.html", app=None, said=str(error)), 502
        return render("setup_done.html", app=app)


def create_setup_app(home: Path, server: ServerSettings, token: str) -> Flask:
    """The app of `serve --setup`: /setup and /healthz, nothing else."""
    app = Flask("postil-setup")
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.register_blueprint(Setup(home, server, token).blueprint())

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify({"status": "alive"})

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        answer = {"status": "refused", "reason": error.description or error.name}
        return jsonify(answer), error.code or 500

    return app
