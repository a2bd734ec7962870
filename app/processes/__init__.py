"""What runs: the api and the worker; each is composed in one place from the parts it needs.

Guarantees: a process refuses to start on an unfit database. When it is stopped, it first finishes
the work in hand.

Owns no table.
"""
