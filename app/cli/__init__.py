"""The command `suya`: how operators, scripts and supervisors reach the platform.

Guarantees: every command explains itself by `--help` with an example; a mistake is one sentence on
stderr and an exit code (1 it failed, 2 it was asked wrongly); what scripts read goes to stdout.

Owns no table. Never decides about money: it starts processes, asks, and shows.
"""

import sys


def main() -> None:
    """Run the command line of this process."""
    from app.cli.application import build
    from app.cli.failures import explain

    try:
        build(sys.argv[1:])()
    except Exception as error:
        failure = explain(error)
        if failure is None:
            raise
        sys.stderr.write(f"{failure.sentence}\n")
        sys.exit(failure.exit_code)


__all__ = ["main"]
