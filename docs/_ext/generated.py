"""Tables and figures made from the code and the measurements each time the site is built.

In a page, a fence such as ``{generated} settings facegate.config:ImageSettings`` becomes a table.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module

import curve
import mapping
from docutils import nodes
from pydantic import BaseModel
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from tables import TABLES

import facegate
import facegate.plugin


class Generated(SphinxDirective):
    """A table, by name and argument."""

    required_arguments = 1
    optional_arguments = 3

    def run(self) -> list[nodes.Node]:
        """Write the table in Markdown and have it parsed."""
        name, *arguments = self.arguments
        head, *rows = TABLES[name](*arguments)
        lines = (head, ["---"] * len(head), *rows)
        text = ("| " + " | ".join(" ".join(cell.split()) for cell in line) + " |" for line in lines)
        return self.parse_text_to_nodes("\n".join(text))


class Curve(SphinxDirective):
    """The measured rates against the threshold, as a figure."""

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", curve.svg(curve.measured()), format="html")]


class MappingFigure(SphinxDirective):
    """How scores cross from one plugin's scale to that of another's API, as a figure."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", mapping.svg(*self.arguments), format="html")]


class Docstring(SphinxDirective):
    """What a class says of itself, up to its arguments."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        module, _, name = self.arguments[0].partition(":")
        text = inspect.getdoc(getattr(import_module(module), name)) or ""
        prose = re.split(r"^(?:Args|Attributes|Raises):$", text, flags=re.MULTILINE)[0]
        return self.parse_text_to_nodes(f"````{{eval-rst}}\n{prose}\n````")


def _short(_app: Sphinx, what: str, _name: str, kind: type, *_: object) -> tuple[str, None] | None:
    """Most errors take what their base takes; saying so once is enough."""
    return ("", None) if what == "exception" and "__init__" not in vars(kind) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives, and complete the models, whose signatures are empty until then."""
    for value in (*vars(facegate).values(), *vars(facegate.plugin).values()):
        if isinstance(value, type) and issubclass(value, BaseModel):
            value.model_rebuild(force=True)
    app.setup_extension("sphinx.ext.autodoc")
    app.add_directive("generated", Generated)
    app.add_directive("curve", Curve)
    app.add_directive("mapping", MappingFigure)
    app.add_directive("docstring", Docstring)
    app.connect("autodoc-process-signature", _short)
    # Other parts of the code have changed when the pages have not, so they are always read anew.
    app.connect("env-get-outdated", lambda _app, env, *_: sorted(env.found_docs))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
