"""Options that commands of several stages share."""

from pathlib import Path

import click

home_option = click.option(
    "--home",
    type=click.Path(path_type=Path),
    envvar="POSTIL_HOME",
    show_envvar=True,
    help="Folder of store, datasets, models and adapters; default: the platform's data folder.",
)
config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file; default: postil.toml here, else [tool.postil] in pyproject.toml.",
)
