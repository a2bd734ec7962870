"""What runs: the api and the worker, each put together in one place from the parts it needs.

Guarantees: a process refuses to start on an unfit database, and finishes what it has in hand when
it is told to stop.

Owns no table.
"""
