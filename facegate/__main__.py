"""Entry point of the ``facegate`` command."""

import sys


def main() -> None:
    """Run the command line, or say how to install it."""
    try:
        from facegate.cli import main as run
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.exit('The command line needs two more packages: pip install "facegate[cli]"')
    run()


if __name__ == "__main__":
    main()
