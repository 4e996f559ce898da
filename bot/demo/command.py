"""`postil demo`: the option in; everything else is imported after it was read."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("build/demo"),
    show_default=True,
    help="Folder of the sample team, its adapter and the report; made anew, but an interrupted"
    " training goes on.",
)
def demo(out: Path) -> None:
    """Mine, train, evaluate and review the sample team; ends with a report to open."""
    from finetune.processor import prepare_processor

    prepare_processor()  # before torch is imported, which fixes how its threads wait
    from bot.demo.run import run_demo

    run_demo(out)
