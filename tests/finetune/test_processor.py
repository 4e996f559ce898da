import os
import subprocess
import sys

from finetune.processor import SPINS, prepare_processor

SHOW = (
    "import os; from finetune.processor import prepare_processor; {first}prepare_processor();"
    " print(os.environ.get('GOMP_SPINCOUNT'))"
)


def spins(first: str = "", **environment: str) -> str:
    """What a fresh process has set after preparing itself."""
    inherited = {key: value for key, value in os.environ.items() if key != "GOMP_SPINCOUNT"}
    command = [sys.executable, "-c", SHOW.format(first=first)]
    done = subprocess.run(
        command, env=inherited | environment, capture_output=True, check=True, text=True
    )
    return done.stdout.strip()


def test_idle_threads_are_tamed_before_torch_is_there() -> None:
    assert spins() == SPINS


def test_what_the_user_set_stays() -> None:
    assert spins(GOMP_SPINCOUNT="7") == "7"


def test_preparing_again_does_no_harm() -> None:
    prepare_processor()
    prepare_processor()
