"""Templates and values -> pages, escaped, with what a person cannot see written out."""

from datetime import UTC, datetime
from pathlib import Path

from flask import request, session

from finetune.pages import STYLE, page_environment

FOLDER = Path(__file__).parent / "templates"
ICON = FOLDER / "icon.svg"
OWN_STYLE = FOLDER / "dashboard.css"


def show_time(seconds: float) -> str:
    """A time in UTC, to the second."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def show_span(seconds: float) -> str:
    """How long something took, in words."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 86400 else f"{seconds / 86400:.1f} days"


ENVIRONMENT = page_environment(FOLDER)
ENVIRONMENT.filters.update(time=show_time, span=show_span)


def render(template: str, **values: object) -> str:
    """One page; forms in it find `csrf`, and `root` is where its blueprint stands."""
    page = ENVIRONMENT.get_template(template)
    said = session.pop("said", "") if "csrf" in session else ""
    root = f"/{request.blueprint}"
    return page.render({"said": said, "csrf": session.get("csrf", ""), "root": root, **values})


def read_style() -> str:
    """The reports' style sheet, and what the dashboard adds."""
    return STYLE.read_text(encoding="utf-8") + OWN_STYLE.read_text(encoding="utf-8")


def tell(text: str) -> None:
    """Show a line on the next page."""
    session["said"] = text
