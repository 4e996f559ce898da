"""A delivery as the door read it, the states it goes through, and how far it came. Pure."""

from typing import Literal

from postil.records import Record

State = Literal[
    "received",  # committed; waits for the pump, until `not_before` where that is set
    "debounced",  # in the queue; a later delivery of the same pull request may take its place
    "leased",  # a try has begun
    "drafted",  # what the model said is stored
    "posting",
    "posted",
    "superseded",  # a later delivery, or the state of the pull request, made it pointless
    "parked",  # a person has to mend something; redeliver it then
    "dead",  # given up after three tries; may be redelivered too
]
OPEN_STATES: tuple[State, ...] = ("received", "debounced", "leased", "drafted", "posting")
WAITING: tuple[State, ...] = ("received", "debounced")
REVIVABLE: tuple[State, ...] = ("parked", "dead")
CLOSED = "closed"
"""The action after which nothing is reviewed: what was said is judged."""
Receipt = Literal["new", "again", "duplicate"]


class Delivery(Record, frozen=True, kw_only=True):
    """One event about a pull request, as the door read it.

    `action` is the host's word, or `/` and the order that `actor` gave in `comment`.
    """

    delivery: str
    action: str
    repo: str
    pull: int
    head_sha: str
    actor: str = ""
    comment: int = 0


class Job(Record, frozen=True, kw_only=True):
    """A delivery and how far it came. `number` is the order of arrival.

    `round` counts how often it was given to the queue anew, `tries` the failures, `waits` how
    often the host told us to come back later.
    """

    number: int
    delivery: str
    action: str
    repo: str
    pull: int
    head_sha: str
    actor: str
    comment: int
    state: State
    round: int
    tries: int
    waits: int
    not_before: float
    detail: str

    @property
    def workflow_id(self) -> str:
        """The delivery's id; later rounds of it get a number."""
        return self.delivery if self.round == 0 else f"{self.delivery}.{self.round}"

    @property
    def is_order(self) -> bool:
        """Whether a person asked for it in a comment."""
        return self.action.startswith("/")

    @property
    def gives_way(self) -> bool:
        """Whether a later delivery does its work as well: any review of the same pull request."""
        return not self.is_order and self.action != CLOSED
