"""The acquirer: a sandbox of a card network and of banks, as slow and unreliable as real ones.

Guarantees: it acts once for each reference. What it answered survives its process, however that
ends. Faults can be requested, and the same request leads to the same faults.

Owns no table of the platform, but a file of its own (SQLite): the requests, the movements, the
notifications still to be sent, and its clock.

Never keeps or shows a card's number, and never runs in production. It knows nothing of the platform
but the references in its requests and the address that it notifies.
"""

from app.sandbox.acquirer.serving import AcquirerError, serve

__all__ = ["AcquirerError", "serve"]
