"""What people may order of Postil in comments of a pull request, and who may. Pure."""

from bot.door.commands_in_comments import Command

MEANINGS: dict[Command, str] = {
    "review": "review this pull request now",
    "pause": "leave this pull request alone",
    "resume": "review it again from now on",
    "explain": "say why: the probability of each remark, and the past remarks it resembles",
    "help": "show this list",
}
MAY_ORDER = frozenset({"admin", "maintain", "owner", "write"})
"""Permissions, as GitHub's and Forgejo's collaborator interfaces name them."""


def help_text() -> str:
    """What there is to order, as Markdown."""
    lines = [f"- `/postil {order}`: {meaning}" for order, meaning in MEANINGS.items()]
    return "\n".join(("What people with write access can ask of Postil, in a comment:", *lines))
