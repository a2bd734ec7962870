"""The command `suya`: how operators, scripts and supervisors reach the platform.

Guarantees: every command explains itself by `--help` with an example; a mistake is one sentence on
stderr and an exit code (1 it failed, 2 it was asked wrongly); what scripts read goes to stdout.

Owns no table. Never decides about money: it starts processes, asks, and shows.
"""

import gc
import sys

# Importing all of the api makes 230,000 objects, and they stay. Looked at every 700 of them, as is
# usual, a collector of cycles took a seventh of a start. Who serves says another number then.
_COLLECT_AFTER = 300_000


def main() -> None:
    """Run the command line of this process."""
    gc.set_threshold(_COLLECT_AFTER)
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
