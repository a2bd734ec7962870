"""A made-up processor, for development and tests.

Guarantees: it behaves as real ones do, and on request answers late, twice, wrongly or never.

Owns no table. It is a process of its own that shares only values with the platform; a command
starts it.
"""
