"""The load generator behind `suya bench`: payments over HTTP, counted only when settled.

It guarantees three things. It is cheap (tens of microseconds per request), because generator and
server usually share the cores that are measured. In an open loop it measures from the moment a
request was meant to be sent, so a server that stalls cannot hide the wait. And it counts what was
answered as committed, never what was merely accepted.

It owns no tables: its merchants, keys, wallets and money come through the public API like
everybody's.

It never repeats a request and never reads the database; `suya chaos` and `suya verify` do those.
"""

from app.devkit.bench.client import Client, Endpoint, UnsupportedAnswer
from app.devkit.bench.data import BenchShop, Dataset, PreparationFailed, adopt, prepare
from app.devkit.bench.report import Measurement, SendMode, table
from app.devkit.bench.run import LoadProfile, run

__all__ = [
    "BenchShop",
    "Client",
    "Dataset",
    "Endpoint",
    "LoadProfile",
    "Measurement",
    "PreparationFailed",
    "SendMode",
    "UnsupportedAnswer",
    "adopt",
    "prepare",
    "run",
    "table",
]
