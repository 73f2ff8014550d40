"""What the built site adds to the pages: their order, links from names, and completed models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from pydantic import BaseModel
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

import facegate
import facegate.plugin

CONTENTS = Path(__file__).parents[1] / "_contents.txt"
_DOTTED = re.compile(r"facegate(?:\.\w+)+")


class Linked(SphinxTransform):
    """Links from names in the text to their signatures."""

    default_priority = 500

    def apply(self, **_kwargs: Any) -> None:
        """Link each public name that stands as code and is no link already."""
        for literal in list(self.document.findall(nodes.literal)):
            name = literal.astext().removesuffix("()")
            known = name in facegate.__all__ and name[0].isupper()
            if known or _DOTTED.fullmatch(name):
                if isinstance(
                    literal.parent, nodes.reference | addnodes.pending_xref | nodes.title
                ):
                    continue
                link = addnodes.pending_xref(
                    "",
                    refdomain="py",
                    reftype="obj",
                    reftarget=f"facegate.{name}" if known else name,
                    refexplicit=True,
                    refwarn=False,
                )
                literal.replace_self(link)
                link += literal


def _ordered(_app: Sphinx, page: str, source: list[str]) -> None:
    """The order of the pages, which is of no use where a page is read by itself."""
    if page == "index":
        source[0] += "\n" + CONTENTS.read_text(encoding="utf-8")


def _short(_app: Sphinx, what: str, _name: str, kind: type, *_: object) -> tuple[str, None] | None:
    """Most errors take what their base takes; saying so once is enough."""
    return ("", None) if what == "exception" and "__init__" not in vars(kind) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Add these, and complete the models, whose signatures are empty until then."""
    for value in (*vars(facegate).values(), *vars(facegate.plugin).values()):
        if isinstance(value, type) and issubclass(value, BaseModel):
            value.model_rebuild(force=True)
    app.setup_extension("sphinx.ext.autodoc")
    app.add_transform(Linked)
    app.connect("source-read", _ordered)
    app.connect("autodoc-process-signature", _short)
    # Other parts of the code have changed when the pages have not, so they are always read anew.
    app.connect("env-get-outdated", lambda _app, env, *_: sorted(env.found_docs))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
