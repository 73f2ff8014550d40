"""How the documentation is built: ``sphinx -qW -b html docs docs/_build/html``."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "_ext"))

project = "facegate"
author = "The facegate authors"
project_copyright = author
version = release = installed("facegate")

extensions = [
    "built",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build", "example-plugin*"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_type_aliases = {name: f"facegate.typing.{name}" for name in ("Gallery", "ImageSource")}
autodoc_default_options = {"exclude-members": "model_config"}
napoleon_use_ivar = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = "facegate"
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
