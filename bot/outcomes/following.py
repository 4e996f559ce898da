"""What follows from the outcomes of a repository: its tunings, alarms, and an adapter taken back.

Drawn anew after every judgement and by the sweep; nothing of it depends on what was drawn before
but that no adapter is taken back twice.
"""

import logging
from pathlib import Path

import sqlalchemy as sa

from bot.door.schema import Database
from bot.outcomes.alarms import Alarms
from bot.outcomes.book import Book
from bot.outcomes.drift import Alarm, find_drift
from bot.outcomes.shelf import write_tunings
from bot.outcomes.tuning import vetoes
from finetune.adapters import PREVIOUS, Registry
from mining.store import open_store
from postil.errors import AdapterError, PostilError
from postil.settings import OutcomeSettings

log = logging.getLogger(__name__)


class Following:
    """Over one home and one store."""

    def __init__(
        self, home: Path, database: Database, store_url: str, settings: OutcomeSettings
    ) -> None:
        """`store_url` is that of the store of mining."""
        self._home = home
        self._store_url = store_url
        self._book = Book(database)
        self._alarms = Alarms(database)
        self._settings = settings
        self._registry = Registry(home)

    def draw(self, repo: str) -> None:
        """Bring all of it up to date; what cannot be done now is left to the next time."""
        try:
            write_tunings(self._home, repo, self._book, self._settings)
            self._veto(repo)
            live = self._registry.current(repo)
        except (PostilError, OSError) as error:
            log.error("outcomes are not followed repo=%s reason=%s", repo, error)
            return
        found = self._drift(repo, live.name) if live else []
        for alarm in self._alarms.put(repo, found):
            log.warning(
                "drift repo=%s adapter=%s %s %s", repo, alarm.adapter, alarm.kind, alarm.text
            )
        worse = next((alarm for alarm in found if alarm.worse), None)
        if worse is not None and self._settings.fall_back:
            self._fall_back(worse)

    def _veto(self, repo: str) -> None:
        """Keep from training what people refused when it was said again; a store that is not there
        yet is made only for that."""
        vetoed = vetoes(self._book.outcomes(repo)) if self._settings.tune else {}
        file = sa.make_url(self._store_url).database or ""
        if not vetoed and self._store_url.startswith("sqlite") and not Path(file).exists():
            return
        with open_store(self._store_url) as store:
            if store.veto(repo, vetoed):
                log.info("vetoed repo=%s remarks=%d", repo, len(vetoed))

    def _drift(self, repo: str, adapter: str) -> list[Alarm]:
        outcomes, drafts = self._book.outcomes(repo), self._book.all_drafts(repo)
        return find_drift(repo, adapter, outcomes, drafts, self._settings.person_share)

    def _fall_back(self, alarm: Alarm) -> None:
        """Roll back to the adapter before, unless that one was taken back itself."""
        repo = alarm.repo
        try:
            name = (self._registry.folder(repo) / PREVIOUS).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            log.warning("no adapter to fall back to repo=%s", repo)
            return
        if any(one.adapter == name for one in self._alarms.falls(repo)):
            log.warning("not fallen back repo=%s: %s was taken back before", repo, name)
            return
        text = f"{alarm.kind} {alarm.text}"
        if not self._alarms.begin_fall(repo, alarm.adapter, text):
            return
        try:
            to = self._registry.rollback(repo)
        except AdapterError as error:
            log.error("not fallen back repo=%s reason=%s", repo, error)
            return
        self._alarms.end_fall(repo, alarm.adapter, to.name)
        self._alarms.put(repo, [])
        log.error("fallen back repo=%s from=%s to=%s %s", repo, alarm.adapter, to.name, text)
