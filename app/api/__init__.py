"""The edge: HTTP in, commands out, answers or problems back. Litestar is known only here.

Guarantees: nothing a client sends reaches a command unchecked; every answer carries a request id;
every error is a problem with a stable code and what to do about it.

Owns no table.

Never opens a transaction.
"""
