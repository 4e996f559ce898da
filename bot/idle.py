"""Why a pull request is not to be reviewed now: its state, and what settings leave out. Pure."""

from bot.hosts import PullHead
from postil.settings import ReviewSettings


def why_idle(head: PullHead, settings: ReviewSettings) -> str:
    """The reason in words; "" if it is to be reviewed."""
    if head.state != "open":
        return "the pull request is closed"
    if head.draft and not settings.drafts:
        return "the pull request is a draft"
    if head.author_is_bot and not settings.bots:
        return "its author is a bot (review.bots is off)"
    if head.author.lower() in {name.lower() for name in settings.skip_authors}:
        return "its author is among review.skip_authors"
    labels = {label.lower() for label in head.labels}
    if unwanted := sorted(labels & {name.lower() for name in settings.skip_labels}):
        return f"it has the label {unwanted[0]} (review.skip_labels)"
    if settings.only_labels and not labels & {name.lower() for name in settings.only_labels}:
        return "it has none of the labels in review.only_labels"
    return ""
