"""HTML pages that need nothing from elsewhere and run nothing.

In go a template and values, out comes one page. Every value is escaped, and characters that a
person cannot see are written as `<U+202E>`. The page's own policy allows its one style sheet, by
hash, and nothing else: no script, no picture, no frame, no address.
"""

import hashlib
import re
from base64 import b64encode
from pathlib import Path

import jinja2
from markupsafe import Markup

from postil.prompt import reveal

HERE = Path(__file__).parent
STYLE = HERE / "style.css"
ADDRESS = re.compile(r"https?://[\w.~:/?#@!$&()*+,;=%\[\]-]+", re.ASCII)
"""Only such addresses become links."""


def render_page(template: Path, **values: object) -> str:
    """The page that a template makes; it may extend `base.html` and import what is beside it."""
    style = Markup(STYLE.read_text(encoding="utf-8"))  # noqa: S704 - our own file
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = page_environment(template.parent).get_template(template.name)
    return page.render(values, style=style, style_digest=digest) + "\n"


def page_environment(folder: Path) -> jinja2.Environment:
    """Templates of a folder, which may import what is beside this module."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, HERE]),
        autoescape=True,
        finalize=_visible,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["address"] = is_address
    return environment


def is_address(text: str) -> bool:
    """Whether a text may be linked to: `javascript:` and the like may not."""
    return ADDRESS.fullmatch(text) is not None


def _visible(value: object) -> object:
    """What is put into a page; our own markup stays as it is."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return reveal(str(value)) if is_text else value
