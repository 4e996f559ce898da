"""A server that speaks OpenAI's completions (vLLM, llama.cpp): questions out, text back.

Nothing is sent anywhere but to the one configured address: no redirect is followed, no proxy and
no password of the environment is used. https://platform.openai.com/docs/api-reference/completions
"""

import threading
from collections.abc import Sequence

import msgspec
import requests

from postil.errors import ModelError

CONNECT_S, ANSWER_S = 10.0, 300.0
TRIES = 2
"""A connection that fails before anything was answered is made once more; an answer is final."""

MOST_LIKELY = (1000, 20, 5)
"""Tokens whose log-probabilities are asked for, the most that a server grants: llama.cpp any
number, vLLM 20 unless it is told otherwise, OpenAI's own description 5."""

OK = 200

Prompt = str | list[int]
"""A text, or the ids of its tokens, where the server takes them."""


class _Told(msgspec.Struct):
    """One token in the newer form of log-probabilities."""

    token: str
    logprob: float
    top_logprobs: list["_Told"] = msgspec.field(default_factory=list)


class _LogProbabilities(msgspec.Struct):
    """Both forms: OpenAI's own of completions, and that of chats, which llama.cpp gives."""

    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None
    content: list[_Told] | None = None


class _Choice(msgspec.Struct):
    text: str
    logprobs: _LogProbabilities | None = None


class _Usage(msgspec.Struct):
    completion_tokens: int = 1


class _Answer(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


class CompletionServer:
    """One model of one server, behind `<url>/v1/completions`. Threads may share it."""

    def __init__(self, url: str, model: str) -> None:
        self.address = url.rstrip("/").removesuffix("/v1") + "/v1/completions"
        self.model = model
        self._most = MOST_LIKELY[-1]
        self._sessions: list[requests.Session] = []
        self._of_thread = threading.local()

    def complete(self, prompts: Sequence[str], max_tokens: int) -> list[str]:
        """See the Complete protocol; ModelError where the server does not answer as agreed."""
        return [self.go_on(prompt, max_tokens, stop="\n\n") for prompt in prompts]

    def go_on(self, prompt: Prompt, max_tokens: int, *, stop: str | None = None) -> str:
        """The likeliest text after a prompt."""
        told = {"stop": [stop]} if stop else {}
        return self._ask(prompt, max_tokens=max_tokens, **told)[0].text

    def next_tokens(self, prompt: Prompt) -> dict[str, float] | None:
        """Log-probabilities of the likeliest next tokens; None where the server gives none."""
        told = self._ask(prompt, max_tokens=1, logprobs=self._most)[0].logprobs
        if told is None:
            return None
        if told.content:
            return {one.token: one.logprob for one in told.content[0].top_logprobs} or None
        return (told.top_logprobs or [None])[0] or None

    def last_tokens(self, prompt: Prompt, count: int) -> list[tuple[str, float]] | None:
        """The last tokens of a prompt and how likely each was; None where the server cannot say."""
        # One token more may be written: asked for none, llama.cpp's Python server does not stop.
        choice, more = self._ask(prompt, max_tokens=1, logprobs=1, echo=True)
        told = choice.logprobs
        if told is None or not told.tokens or not told.token_logprobs:
            return None
        whole = list(zip(told.tokens, told.token_logprobs, strict=False))
        pairs = whole[: len(whole) - more][-count:]
        if len(pairs) < count or any(value is None for _, value in pairs):
            return None
        return [(token, value) for token, value in pairs if value is not None]

    def takes_ids(self) -> bool:
        """Whether a prompt may be the ids of its tokens."""
        return self._grants({"prompt": [1, 2, 3]})

    def ask_for_most(self) -> bool:
        """Find out for how many likely tokens it may be asked; whether for any."""
        for most in MOST_LIKELY:
            if self._grants({"prompt": "x", "logprobs": most}):
                self._most = most
                return True
        return False

    def _grants(self, asked: dict[str, object]) -> bool:
        body = {"model": self.model, "max_tokens": 1, "temperature": 0, **asked}
        return self._post(body).status_code == OK

    def close(self) -> None:
        """Close the connections."""
        for session in self._sessions:
            session.close()

    def _ask(self, prompt: Prompt, **more: object) -> tuple[_Choice, int]:
        """The answer, and how many tokens were written."""
        body = {"model": self.model, "prompt": prompt, "temperature": 0, **more}
        response = self._post(body)
        if response.status_code != OK:
            raise ModelError(f"{self.address}: answered {response.status_code}, not a completion")
        try:
            answer = msgspec.json.decode(response.content, type=_Answer)
            written = answer.usage.completion_tokens if answer.usage else 1
            return answer.choices[0], written
        except (msgspec.MsgspecError, UnicodeDecodeError, IndexError) as error:
            raise ModelError(f"{self.address}: its answer is no completion: {error}") from error

    def _post(self, body: dict[str, object]) -> requests.Response:
        for left in reversed(range(TRIES)):
            try:
                return self._session().post(
                    self.address,
                    json=body,
                    timeout=(CONNECT_S, ANSWER_S),
                    allow_redirects=False,
                )
            except requests.ConnectionError as error:
                if not left:
                    raise ModelError(
                        f"{self.address}: cannot be reached: {type(error).__name__}"
                    ) from error
            except requests.RequestException as error:
                raise ModelError(f"{self.address}: {type(error).__name__}") from error
        raise AssertionError("unreachable")

    def _session(self) -> requests.Session:
        """Of this thread."""
        session: requests.Session | None = getattr(self._of_thread, "session", None)
        if session is None:
            session = self._of_thread.session = requests.Session()
            session.trust_env = False
            self._sessions.append(session)
        return session
