"""The command `suya`: how operators, scripts and supervisors use the platform.

Guarantees: every command has a `--help` with an example. A failure prints one sentence on stderr
and exits with 1, a wrong call with 2. What scripts read goes to stdout.

Owns no table. Never decides about money: it starts processes, sends requests, and shows results.
"""

import gc
import sys

# Importing the api creates 230,000 objects, which stay. With the usual threshold of 700 the
# collector of cycles took a seventh of a start. A process that serves sets its own threshold later.
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
