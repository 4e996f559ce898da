"""The pages and forms of the dashboard, and the guard before all of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from bot.dashboard import acceptance, curation, outcomes, reviews, shelf
from bot.dashboard.pages import render, tell
from bot.dashboard.session import Guard
from bot.door.inbox import Inbox
from mining.store import Store, open_store
from postil.errors import AdapterError, PayloadError, PostilError

REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""A report is one page with its own style, and its own stricter policy."""
LONGEST_TEXT = 20_000


class Dashboard:
    """What its pages reach: a home, its inbox and its store."""

    def __init__(
        self, home: Path, inbox: Inbox, store_url: str, guard: Guard, wake: Callable[[], None]
    ) -> None:
        self._home = home
        self._inbox = inbox
        self._store_url = store_url
        self._guard = guard
        self._wake = wake

    def blueprint(self) -> Blueprint:
        """All routes, under /dashboard."""
        pages = Blueprint("dashboard", __name__, url_prefix="/dashboard")
        self._guard.cover(pages)
        pages.add_url_rule("/", "start", self._reviews)
        pages.add_url_rule("/reviews/<delivery>", "review", self._review)
        pages.add_url_rule("/reviews/<delivery>/retry", "retry", self._retry, methods=["POST"])
        pages.add_url_rule("/adapters", "adapters", self._adapters)
        pages.add_url_rule("/adapters/promote", "promote", self._promote, methods=["POST"])
        pages.add_url_rule("/adapters/rollback", "rollback", self._roll_back, methods=["POST"])
        pages.add_url_rule("/adapters/<owner>/<name>/<adapter>/report", "report", self._report)
        pages.add_url_rule("/curation", "curation", self._curation)
        pages.add_url_rule("/curation", "decide", self._decide, methods=["POST"])
        pages.add_url_rule("/acceptance", "acceptance", self._acceptance)
        return pages

    def _reviews(self) -> str:
        state = request.args.get("state", "")
        if state and state not in reviews.STATES:
            abort(404)
        before = request.args.get("before", 0, type=int)
        rows = reviews.list_rows(self._inbox, state, before)
        older = rows[-1].number if len(rows) == reviews.PAGE else 0
        counts = self._inbox.count()
        return render(
            "reviews.html",
            rows=rows,
            state=state,
            older=older,
            counts=counts,
            states=reviews.STATES,
        )

    def _review(self, delivery: str) -> str:
        row = reviews.find_row(self._inbox, delivery)
        if row is None:
            abort(404)
        moves = reviews.list_moves(self._inbox, row)
        draft = reviews.find_draft(self._inbox, row)
        return render("review.html", row=row, moves=moves, draft=draft)

    def _retry(self, delivery: str) -> AnyResponse:
        if reviews.retry(self._inbox, delivery):
            self._wake()
            tell("It begins anew.")
        else:
            tell("There was nothing to try again: only what was given up is.")
        return redirect(url_for("dashboard.review", delivery=delivery), 303)

    def _adapters(self) -> str:
        shelves = [shelf.look_at(self._home, repo) for repo in shelf.list_repos(self._home)]
        return render("adapters.html", shelves=shelves)

    def _promote(self) -> AnyResponse:
        repo, name = request.form.get("repo", ""), request.form.get("adapter", "")
        with _told():
            tell(shelf.promote(self._home, repo, name, request.form.get("way", "")))
        return redirect(url_for("dashboard.adapters"), 303)

    def _roll_back(self) -> AnyResponse:
        with _told():
            tell(shelf.roll_back(self._home, request.form.get("repo", "")))
        return redirect(url_for("dashboard.adapters"), 303)

    def _report(self, owner: str, name: str, adapter: str) -> Response:
        try:
            page = shelf.read_report(self._home, f"{owner}/{name}", adapter)
        except AdapterError:
            page = None
        if page is None:
            abort(404)
        headers = {"Content-Security-Policy": REPORT_POLICY}
        return Response(page, headers=headers, content_type="text/html; charset=utf-8")

    def _curation(self) -> str:
        repos = curation.list_datasets(self._home)
        repo = self._chosen(repos)
        if not repo:
            return render("curation.html", repos=repos, repo="", one=None, undo="")
        with self._store() as store:
            one = curation.next_waiting(self._home, store, repo, request.args.get("after", ""))
        undo = request.args.get("undo", "")
        return render("curation.html", repos=repos, repo=repo, one=one, undo=undo)

    def _decide(self) -> AnyResponse:
        repo = self._chosen(curation.list_datasets(self._home))
        origin, verdict = request.form.get("origin", ""), request.form.get("verdict", "")
        text = request.form.get("text", "")[:LONGEST_TEXT]
        done = ""
        with _told(), self._store() as store:
            if verdict == "undo":
                curation.undo(store, repo, origin)
            else:
                curation.decide(self._home, store, repo, origin, verdict, text)
                done = origin
        return redirect(url_for("dashboard.curation", repo=repo, undo=done), 303)

    def _acceptance(self) -> str:
        team = acceptance.team_months(self._home, curation.list_datasets(self._home))
        own = acceptance.own_months(self._inbox)
        charts = [
            acceptance.draw("Accepted remarks of the team, by tier", team),
            acceptance.draw("Remarks of Postil", own),
        ]
        tables = [("Of the team", team), ("Of Postil", own)]
        fared = outcomes.look_at(self._home, self._inbox)
        drawn = [chart for chart in charts if chart]
        return render("acceptance.html", charts=drawn, tables=tables, fared=fared)

    def _chosen(self, repos: list[str]) -> str:
        asked = request.values.get("repo", "")
        if asked and asked not in repos:
            abort(404)
        return asked or (repos[0] if repos else "")

    @contextmanager
    def _store(self) -> Iterator[Store]:
        with open_store(self._store_url) as store:
            yield store


@contextmanager
def _told() -> Iterator[None]:
    """What cannot be done is a line on the next page."""
    try:
        yield
    except (PayloadError, PostilError) as error:
        tell(str(error))
