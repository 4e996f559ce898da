"""Answers to orders in comments, and who may give them, on GitHub.

An answer carries a signed marker of the comment it answers; the marker is searched for before
anything is sent, so that an order is answered once.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from bot.hosts.limits import fit
from bot.hosts.rest import Rest
from bot.work.ledger import Ledger
from bot.work.orders import MAY_ORDER
from postil.errors import HostingError
from postil.marker import Marker, fingerprint, place_key, read_marker, render_marker

PAGE = 100


class Conversation:
    """The comments of one repository's pull requests. Every method may raise HostingError."""

    def __init__(self, rest: Rest, repo: str, key: bytes, account: str, ledger: Ledger) -> None:
        self._rest = rest
        self._repo = repo
        self._key = key
        self._account = account
        self._ledger = ledger

    def may_order(self, login: str) -> bool:
        """Whether somebody has write access, as the host says; whoever it does not know has not."""
        path = f"/repos/{self._repo}/collaborators/{quote(login, safe='')}/permission"
        try:
            said = self._rest.call("GET", path)
        except HostingError as error:
            if error.lasting and " 404" in str(error):
                return False
            raise
        return said.get("permission") in MAY_ORDER or said.get("role_name") in MAY_ORDER

    def answer(self, number: int, comment: int, text: str) -> bool:
        """Answer a comment, unless it has been answered; whether something was sent."""
        place = place_key(self._repo, number, "", ("answer", str(comment)), ("", ""), 0)
        if any(marker.place == place for marker in self._ours(number)):
            return False
        marker = Marker(place=place, fingerprint=fingerprint(place, ""), head_sha="", adapter="")
        body = fit(f"{text}\n\n{render_marker(marker, self._key)}")
        self._ledger.take(self._repo)
        self._rest.call("POST", f"/repos/{self._repo}/issues/{number}/comments", {"body": body})
        return True

    def _ours(self, number: int) -> Iterator[Marker]:
        for comment in self._comments(number):
            login = (comment.get("user") or {}).get("login", "")
            marker = read_marker(comment.get("body") or "", self._key)
            if marker is not None and login.lower() == self._account.lower():
                yield marker

    def _comments(self, number: int) -> Iterator[dict[str, Any]]:
        path = f"/repos/{self._repo}/issues/{number}/comments?per_page={PAGE}"
        for comments in self._rest.pages(path):
            yield from comments
