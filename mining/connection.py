"""One connection to GitHub's interfaces: PyGithub signs in, the answers come as bytes.

PyGithub's own requests read an answer in small pieces and decode it to text, which takes longer
than all that is done with it here. Nothing is retried.
"""

from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from github import Github
from urllib3.exceptions import HTTPError

AGENT = "postil"


class Connection:
    """Asks the host that `github` signs in to, and no other, wherever an answer points."""

    def __init__(self, github: Github) -> None:
        requester = github.requester
        self.graphql_url = requester.graphql_url
        self._base, self._auth = requester.base_url.rstrip("/"), requester.auth
        base = urlsplit(self._base)
        self._origin = f"{base.scheme}://{base.netloc}"
        self._timeout_s = requester.kwargs["timeout"]
        self._session = requests.Session()
        # Proxies and certificates are looked up in the environment once, not for every request;
        # no netrc file decides as whom to sign in.
        found = self._session.merge_environment_settings(self._base, {}, True, None, None)
        self._session.trust_env = False
        self._session.proxies, self._session.verify = dict(found["proxies"]), found["verify"]
        self._session.headers.update({"User-Agent": AGENT, "Accept": "application/json"})

    @property
    def token(self) -> str:
        """The token of whoever is signed in; an App's is asked for anew when it has run out."""
        return self._auth.token if self._auth is not None else ""

    def send(self, verb: str, url: str, body: object) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by names in small letters, body; `url` is whole or a path of the API.

        Raises requests.RequestException, or GithubException where it cannot sign in any more.
        """
        headers: dict[str, Any] = {}
        if self._auth is not None:
            self._auth.authentication(headers)
        data = None if body is None else msgspec.json.encode(body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        answer = self._session.request(
            verb, self._whole(url), data=data, headers=headers, timeout=self._timeout_s, stream=True
        )
        try:
            content = answer.raw.read(decode_content=True)
        except HTTPError as error:  # cut off in the middle
            raise requests.ConnectionError(error) from error
        return answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, content

    def close(self) -> None:
        """Close it."""
        self._session.close()

    def _whole(self, url: str) -> str:
        if url.startswith("/"):
            return self._base + url
        parts = urlsplit(url)
        return f"{self._origin}{parts.path}" + (f"?{parts.query}" if parts.query else "")
