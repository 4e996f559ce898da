"""What every engine can do with questions: one protocol, one file an engine beside this one."""

from collections.abc import Sequence
from typing import Protocol

from postil.answer import Anchor


class Engine(Protocol):
    """Scores and writes answers. Lists come back in the order of the questions."""

    def score(self, instructions: Sequence[str]) -> list[float]:
        """Speak log-odds: logsumexp of the first tokens of `R` and `L`, minus NO_COMMENT's."""
        ...

    def anchor_scores(self, instruction: str, allowed: Sequence[Anchor]) -> list[float]:
        """Log-probability of each whole anchor line, given that something is said."""
        ...

    def write(
        self, instructions: Sequence[str], anchors: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """The rest of each answer after its anchor line, greedily, without the end token."""
        ...

    def loss(
        self, instructions: Sequence[str], responses: Sequence[str]
    ) -> list[tuple[float, int]]:
        """Negative log-likelihood in nats of each whole answer, and its number of tokens."""
        ...

    def plain_loss(self, texts: Sequence[str]) -> list[tuple[float, int]]:
        """The same of texts that answer nothing, from their second token on."""
        ...


class Complete(Protocol):
    """Asks a model anything; used to reword training data, never to review."""

    def __call__(self, prompts: Sequence[str], max_tokens: int) -> list[str]:
        """The first paragraph of what follows each prompt, greedily, in the prompts' order."""
        ...
