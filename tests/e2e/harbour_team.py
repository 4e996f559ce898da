"""A team on a real Forgejo that asks the same things of its code again and again.

Olga writes, Rita reviews with suggestions, Olga applies them, Mia merges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.forgejo_work import API, Work, merge
from tests.forgejo import Forgejo


@dataclass(frozen=True)
class Habit:
    """A piece of code with a row that Rita always remarks on, and what she wants there."""

    name: str
    code: str
    """With NOUN for what it is about, which differs from pull request to pull request."""
    row: str
    better: str
    remark: str

    @property
    def line(self) -> int:
        """Where the row stands, from 1 on."""
        return self.code.split("\n").index(self.row) + 1

    def wrong(self, noun: str) -> str:
        """The file as Olga writes it."""
        return self.code.replace("NOUN", noun)

    def right(self, noun: str) -> str:
        """The file with the suggestion applied."""
        return self.wrong(noun).replace(self.row, self.better)

    def path(self, noun: str) -> str:
        """Its name, at the top of the repository."""
        return f"{noun}_{self.name}.py"


LOG = Habit(
    name="report",
    code="def report(NOUN):\n    state = NOUN.state\n    report = f'state {state}'\n"
    "    print(report)\n    return report\n",
    row="    print(report)",
    better="    log.info(report)",
    remark="Please log the report instead of printing it.",
)
EXCEPT = Habit(
    name="moor",
    code="def moor(NOUN):\n    try:\n        NOUN.rope.fasten()\n    except:\n"
    "        return False\n    return True\n",
    row="    except:",
    better="    except OSError:",
    remark="Name the exception here, a bare except hides our own faults.",
)
NONE = Habit(
    name="find",
    code="def find(NOUN, known):\n    found = known.get(NOUN)\n    if found == None:\n"
    "        raise KeyError(NOUN)\n    return found\n",
    row="    if found == None:",
    better="    if found is None:",
    remark="Compare with None by identity, as everywhere else here.",
)
OPEN = Habit(
    name="load",
    code="def load(NOUN):\n    with open(NOUN.path) as source:\n        rows = source.readlines()\n"
    "    with open(BOOK) as source:\n        return rows + source.readlines()\n",
    row="    with open(BOOK) as source:",
    better='    with open(BOOK, encoding="utf-8") as source:',
    remark="Say the encoding when a text file is opened, ships have umlauts.",
)
WAIT = Habit(
    name="ask",
    code="def ask(NOUN):\n    answer = requests.get(HARBOUR)\n    answer.raise_for_status()\n"
    "    return answer.json()[NOUN]\n",
    row="    answer = requests.get(HARBOUR)",
    better="    answer = requests.get(HARBOUR, timeout=TIMEOUT_S)",
    remark="Every request needs a timeout, the harbour office often hangs.",
)
OLD, NEW = (LOG, EXCEPT, NONE), (OPEN, WAIT)
"""What Rita has always asked, and what she takes up later."""

PLAIN = {
    "size": "NOUN_LENGTH_M = 21\nNOUN_BEAM_M = 7\nNOUN_DRAUGHT_M = 2\n",
    "price": 'PRICES = {"NOUN": 12, "night": 7}\nCURRENCY = "EUR"\n',
    "colour": 'class NOUN:\n    hull = "red"\n    deck: str\n    flags: tuple[str, ...]\n',
}
"""Code that nobody remarks on, by the end of its file's name."""
NOUNS = (
    *("anchor", "barge", "beacon", "buoy", "cargo", "crane", "dredger", "engine", "ferry"),
    *("funnel", "galley", "hawser", "island", "jetty", "keel", "ladder", "pilot", "tug", "wharf"),
)
"""What a pull request is about, each about another."""


def write(server: Forgejo, folder: Path, noun: str, habits: Sequence[Habit]) -> Work:
    """Olga opens a pull request that has all of these, and plain code beside."""
    (folder / noun).mkdir(parents=True)
    work = Work(server, folder / noun, noun)
    plain = {f"{noun}_{end}.py": text.replace("NOUN", noun) for end, text in PLAIN.items()}
    work.push_files(plain | {habit.path(noun): habit.wrong(noun) for habit in habits})
    return work


def live_through(server: Forgejo, folder: Path, noun: str, habits: Sequence[Habit]) -> Work:
    """A pull request from its first push to the merge: every remark of Rita's is applied."""
    work = write(server, folder, noun, habits)
    said = [
        {
            "path": habit.path(noun),
            "new_position": habit.line,
            "body": f"{habit.remark}\n```suggestion\n{habit.better}\n```",
        }
        for habit in habits
    ]
    review = {"event": "COMMENT", "commit_id": work.head(), "comments": said}
    server.call("rita", "POST", f"{API}/pulls/{work.number}/reviews", review)
    work.push_files({habit.path(noun): habit.right(noun) for habit in habits})
    merge(server, work.number)
    return work
