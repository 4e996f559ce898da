"""`postil review --pr`: one pull request of a forge, reviewed here; the draft is kept.

What the model said is stored before anything is posted: where the host is down, the same command
posts it later without asking the model again. In shadow mode it is only stored.
"""

import os
from contextlib import closing

from bot.commands.pull_address import PullAddress
from bot.door.inbox import Inbox
from bot.hosts import Pulls
from bot.hosts.forgejo import ForgejoPulls
from bot.hosts.github import GitHubPulls
from bot.hosts.sign_in import load_token
from bot.one_pull import PullReview, post_pull, read_pull
from bot.places import database_urls
from bot.reviewers import AdapterReviewer, draft_of
from mining.clients import PUBLIC_API, Access
from postil.errors import ConfigError, HostingError
from postil.settings import Settings, postil_home


def review_pull(
    address: PullAddress,
    reader: AdapterReviewer,
    settings: Settings,
    key: bytes,
    dry_run: bool,
    api_url: str,
) -> tuple[PullReview, str]:
    """Review a pull request, and post what the settings allow; what was done, in words.

    `api_url` is where `owner/name#number` is. HostingError where the host failed: the draft is
    kept then.
    """
    home = postil_home(os.environ)
    pulls = open_pulls(address, key, settings, api_url)
    with closing(pulls):
        if dry_run:
            return read_pull(pulls, address.number, reader), "nothing posted: dry run"
        with closing(Inbox(database_urls(home, os.environ)[0])) as inbox:
            return review_and_keep(pulls, address.number, reader, inbox, settings, key)


def open_pulls(
    address: PullAddress, key: bytes, settings: Settings, api_url: str
) -> GitHubPulls | ForgejoPulls:
    """The door to a forge; ConfigError where there is no token for it."""
    account = settings.server.account
    if address.forge == "forgejo":
        token = Access.from_environment(os.environ).forgejo_token
        if not token:
            raise ConfigError("no token: set FORGEJO_TOKEN (write:repository, write:issue)")
        return ForgejoPulls(address.repo, token, key, url=address.url, account=account)
    url = address.url or api_url or PUBLIC_API
    return GitHubPulls(address.repo, load_token(os.environ), key, account=account, base_url=url)


def review_and_keep(
    pulls: Pulls,
    number: int,
    reader: AdapterReviewer,
    inbox: Inbox,
    settings: Settings,
    key: bytes,
) -> tuple[PullReview, str]:
    """Review, keep the draft, then post where the settings allow."""
    read = read_pull(pulls, number, reader, inbox.draft)
    head, draft = read.head, draft_of(read.head, read.reviewed)
    if not draft.adapter:
        return read, "nothing posted: no adapter is promoted for this repository"
    inbox.save_draft(draft)
    if settings.review.mode == "shadow":
        return (
            read,
            "nothing posted: review.mode is shadow; `postil shadow` tells what became of it",
        )
    try:
        detail = post_pull(pulls, read, reader, key)
    except HostingError as error:
        raise HostingError(
            f"{error}; the draft is kept, the same command posts it",
            retry_after_s=error.retry_after_s,
            lasting=error.lasting,
        ) from error
    inbox.mark_posted(head.repo, number, head.head_sha)
    return read, detail
