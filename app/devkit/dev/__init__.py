"""`suya dev`: everything that a newcomer needs, in one tree of processes.

Guarantees: one instance per home. A process that dies is started again. Ctrl-C or SIGTERM ends all
of them within ten seconds, and the next start goes on with the same data.

Owns no table, but files of its home: `lock`, `admin_key`, `demo.json`, `vault.json`, `vault.key`,
and a log of each process.

Never for production: there, a supervisor of the system runs `suya serve` and `suya worker`.
"""

from app.devkit.dev.run import run_dev
from app.devkit.dev.supervisor import DevError

__all__ = ["DevError", "run_dev"]
