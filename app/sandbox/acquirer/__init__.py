"""The acquirer: a sandbox of a card network and of banks, as slow and unreliable as the real ones.

Guarantees: it acts once for each reference it is given; what it answered survives its process,
however that ends; what is to go wrong can be asked for, and then goes wrong the same way again.

Owns no table of the platform, but a file of its own (SQLite): what it was asked for, what moved,
what it has still to tell, and its clock.

Never keeps or shows a card's number; never runs in production; knows nothing of the platform but
the references it is given and the address it notifies.
"""

from app.sandbox.acquirer.serving import AcquirerError, serve

__all__ = ["AcquirerError", "serve"]
