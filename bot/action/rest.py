"""Reads of one GitHub by plain requests: JSON, and files of a limited size.

A read is tried up to four times with short waits; a rate limit is not waited for, it is said.
A redirect to another host, as GitHub's downloads make, loses the token. Every call names the
permission it needs, which stands in the error where the token lacks it.
"""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import requests
from requests.auth import AuthBase

from mining.clients import READ_RETRIES, SERVER_FAULTS, wait_s
from postil.errors import HostingError, PayloadError

JSON = "application/vnd.github+json"
RAW = "application/vnd.github.raw+json"
TIMEOUT_S = 30
PIECE = 1 << 16
MOST_JSON = 8 << 20
"""Bytes of an answer that is read whole."""


class _Bearer(AuthBase):
    """The token as an `auth`: requests takes it away when another host is redirected to."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Rest:
    """A reader of one API. A context manager."""

    def __init__(
        self, api_url: str, token: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._api_url = api_url.rstrip("/")
        self._session = requests.Session()
        self._auth = _Bearer(token)
        self._sleep = sleep

    def __enter__(self) -> "Rest":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def json(self, path: str, need: str, query: dict[str, str] | None = None) -> Any:
        """The answer of an operation; HostingError where there is none."""
        content = self.content(path, need, JSON, MOST_JSON, query)
        try:
            return msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise HostingError(f"{path}: GitHub's answer is no JSON: {error}") from error

    def content(
        self,
        path: str,
        need: str,
        accept: str,
        most: int,
        query: dict[str, str] | None = None,
    ) -> bytes:
        """An answer of at most `most` bytes; PayloadError where it is longer."""
        pieces: list[bytes] = []
        self._read(f"{self._api_url}{path}", path, need, accept, query, most, pieces.append)
        return b"".join(pieces)

    def save(self, url: str, need: str, accept: str, most: int, target: Path) -> str:
        """Save what is at a path of the API, or at any address (which gets no token); its sha256.

        PayloadError where it is longer than `most` bytes.
        """
        ours = url.startswith("/")
        digest = hashlib.sha256()
        with target.open("wb") as file:

            def keep(piece: bytes) -> None:
                digest.update(piece)
                file.write(piece)

            address = f"{self._api_url}{url}" if ours else url
            self._read(address, url.split("?")[0], need, accept, None, most, keep, ours=ours)
        return digest.hexdigest()

    def _read(
        self,
        url: str,
        where: str,
        need: str,
        accept: str,
        query: dict[str, str] | None,
        most: int,
        keep: Callable[[bytes], object],
        *,
        ours: bool = True,
    ) -> None:
        with self._answer(url, where, need, accept, query, ours) as response:
            room = most
            try:
                for piece in response.iter_content(PIECE):
                    room -= len(piece)
                    if room < 0:
                        raise PayloadError(f"{where}: longer than {most:,} bytes")
                    keep(piece)
            except requests.RequestException as error:
                raise HostingError(f"{where}: broke off: {type(error).__name__}") from error

    def _answer(
        self, url: str, where: str, need: str, accept: str, query: dict[str, str] | None, ours: bool
    ) -> requests.Response:
        pause_s, left = 0.5, READ_RETRIES
        while True:
            try:
                response = self._session.get(
                    url,
                    params=query,
                    headers={"Accept": accept},
                    auth=self._auth if ours else None,
                    stream=True,
                    timeout=TIMEOUT_S,
                )
            except requests.RequestException as error:
                fault = HostingError(f"{where}: cannot be reached: {type(error).__name__}")
                fault.__cause__ = error
            else:
                if response.status_code < 400:
                    return response
                fault = _fault(response, where, need)
                response.close()
                if response.status_code not in SERVER_FAULTS:
                    raise fault
            if not left:
                raise fault
            self._sleep(pause_s)
            pause_s, left = pause_s * 2, left - 1


def _fault(response: requests.Response, where: str, need: str) -> HostingError:
    """Say what was refused and how to mend it; the body is read only in part."""
    said = next(response.iter_content(4096), b"").decode("utf-8", "replace")
    wait = wait_s(response.status_code, response.headers, said, time.time())
    if wait is not None:
        return HostingError(
            f"{where}: GitHub limits our rate; again in {wait:.0f} s", retry_after_s=wait
        )
    reasons = {
        401: "the token is not accepted: github-token must be this workflow's own",
        403: f"the token may not: {permission_line(need)}",
        404: "not found, or the token may not see it",
    }
    reason = reasons.get(response.status_code, "refused")
    lasting = response.status_code < 500
    return HostingError(f"{where}: {response.status_code} {reason}", lasting=lasting)


def permission_line(need: str) -> str:
    """What to add to the workflow."""
    return f"add `{need}` under `permissions:` of the job"
