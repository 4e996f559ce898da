"""A server that speaks OpenAI's completions (vLLM, llama.cpp): questions out, text back.

Nothing is sent anywhere but to the one configured address: no redirect is followed, no proxy and
no password of the environment is used. https://platform.openai.com/docs/api-reference/completions
"""

from collections.abc import Sequence

import msgspec
import requests

from postil.errors import ModelError

CONNECT_S, ANSWER_S = 10.0, 300.0
TRIES = 2
"""A connection that fails before anything was answered is made once more; an answer is final."""


class _Choice(msgspec.Struct):
    text: str


class _Answer(msgspec.Struct):
    choices: list[_Choice]


class CompletionServer:
    """One model of one server, behind `<url>/v1/completions`."""

    def __init__(self, url: str, model: str) -> None:
        self.address = url.rstrip("/").removesuffix("/v1") + "/v1/completions"
        self.model = model
        self._session = requests.Session()
        self._session.trust_env = False

    def complete(self, prompts: Sequence[str], max_tokens: int) -> list[str]:
        """See the Complete protocol; ModelError where the server does not answer as agreed."""
        return [self._ask(prompt, max_tokens) for prompt in prompts]

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _ask(self, prompt: str, max_tokens: int) -> str:
        body = {
            "model": self.model,
            "prompt": prompt,
            "max_tokens": max_tokens,
            "temperature": 0,
            "stop": ["\n\n"],
        }
        response = self._post(body)
        if response.status_code != requests.codes.ok:
            raise ModelError(f"{self.address}: answered {response.status_code}, not a completion")
        try:
            answer = msgspec.json.decode(response.content, type=_Answer)
            return answer.choices[0].text
        except (msgspec.MsgspecError, UnicodeDecodeError, IndexError) as error:
            raise ModelError(f"{self.address}: its answer is no completion: {error}") from error

    def _post(self, body: dict[str, object]) -> requests.Response:
        for left in reversed(range(TRIES)):
            try:
                return self._session.post(
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
                raise ModelError(
                    f"{self.address}: gave no answer: {type(error).__name__}"
                ) from error
        raise AssertionError("unreachable")
