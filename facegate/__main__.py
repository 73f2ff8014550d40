"""Entry point of the ``facegate`` command."""

import sys


def main() -> None:
    """Run the command line, or say how to install it."""
    try:
        from facegate.cli.main import main as run
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.stderr.write('The command line needs two packages more: pip install "facegate[cli]"\n')
        sys.exit(5)  # not sys.exit(text), which would be 1 and mean rejected
    run()


if __name__ == "__main__":
    main()
