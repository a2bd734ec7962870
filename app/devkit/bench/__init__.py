"""The load generator behind `suya bench`: payments over HTTP, counted only when settled.

Guarantees: it is cheap (tens of microseconds per request), because generator and server usually
share the cores that are measured. In an open loop it measures from the moment a request was due, so
a server that stalls cannot hide the wait. It counts answers of committed payments only.

Owns no table: its merchants, keys, wallets and money come through the public API.

Never repeats a request and never reads the database; `suya chaos` and `suya verify` do those.
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
