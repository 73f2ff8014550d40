"""The command line: everything that needs click or rich.

What is listed here is promised to the commands that plugins add.
"""

from facegate.cli.options import (
    ACCEPTED,
    BAD_INPUT,
    MISCONFIGURED,
    PROVIDER_FAILED,
    REJECTED,
    REVIEW,
    config_option,
    json_option,
    print_json,
)
from facegate.cli.terminal import console, failure, result

__all__ = [
    "ACCEPTED",
    "BAD_INPUT",
    "MISCONFIGURED",
    "PROVIDER_FAILED",
    "REJECTED",
    "REVIEW",
    "config_option",
    "console",
    "failure",
    "json_option",
    "print_json",
    "result",
]
