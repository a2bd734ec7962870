"""A stack on one machine: database, api, worker, vault, acquirer and balancer, as processes.

Guarantees: a process started here ends with the process that started it, however that one ends,
together with all its own children. No other process is ever signalled. A start returns when the
process answers, or raises with the end of its log. No port is given twice.

Owns no table, and no process but those that were asked for.

Never decides about settings: the caller gives each process all of its settings.
"""

from app.devkit.stack.balancer import FOLDER as HAPROXY_FOLDER
from app.devkit.stack.balancer import Balancer
from app.devkit.stack.caller import Caller, CallRefused
from app.devkit.stack.database import MemoryNode
from app.devkit.stack.keys import new_acquirer_keys, new_vault_keys, write_secret
from app.devkit.stack.ports import Ports, free_port, is_free
from app.devkit.stack.process import (
    READY_S,
    STOP_S,
    Command,
    DidNotStart,
    Launch,
    Process,
    Running,
    SuyaCommand,
    find_program,
    variables,
    without_settings,
)
from app.devkit.stack.services import Acquirer, Api, Service, Vault, Worker

__all__ = [
    "HAPROXY_FOLDER",
    "READY_S",
    "STOP_S",
    "Acquirer",
    "Api",
    "Balancer",
    "CallRefused",
    "Caller",
    "Command",
    "DidNotStart",
    "Launch",
    "MemoryNode",
    "Ports",
    "Process",
    "Running",
    "Service",
    "SuyaCommand",
    "Vault",
    "Worker",
    "find_program",
    "free_port",
    "is_free",
    "new_acquirer_keys",
    "new_vault_keys",
    "variables",
    "without_settings",
    "write_secret",
]
