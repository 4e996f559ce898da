"""The sample team's first pull requests as a source that can grow, and a home that mined it."""

import shutil
from pathlib import Path

from click.testing import CliRunner

from bot.demo.team import build_team
from mining.commands import mine
from postil.settings import MiningSettings, Settings, TrainSettings

REPO = "tidewater/harbor"


class SmallTeam:
    """An archive of the first pull requests; more of them can appear."""

    def __init__(self, folder: Path) -> None:
        self._whole = build_team(folder / "team")
        self.archive = folder / "archive"
        (self.archive / "pulls").mkdir(parents=True)
        shutil.copy(self._whole.archive / "state.json", self.archive)

    def grow(self, pulls: int) -> None:
        """Let the pull requests up to this number be there."""
        for number in range(1, pulls + 1):
            file = self._whole.archive / "pulls" / f"{number}.json"
            if file.exists():
                shutil.copy(file, self.archive / "pulls")

    def shrink(self, pulls: int) -> None:
        """Let only the pull requests up to this number be there."""
        for file in (self.archive / "pulls").glob("*.json"):
            if int(file.stem) > pulls:
                file.unlink()

    def mine_into(self, home: Path) -> Path:
        """Mine what is there; the home."""
        source, clone = f"archive:{self.archive}", str(self._whole.repository)
        arguments = ["--source", source, "--clone", clone, "--home", str(home), "--repo", REPO]
        done = CliRunner().invoke(mine, arguments, catch_exceptions=False)
        assert done.exit_code == 0
        return home


def tiny_settings(base: Path, **more: object) -> Settings:
    """A training of a few steps; the test part is a fourth."""
    train = TrainSettings(
        base=str(base), mode="lora", epochs=0.1, batch=8, rank=2, max_length=512, save_minutes=0
    )
    mining = MiningSettings(shares=(0.45, 0.1, 0.2, 0.25))
    return Settings(train=train, mining=mining, **more)  # type: ignore[arg-type]
