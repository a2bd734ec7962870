"""The resources of the API, one file each: its handlers and what only they need.

Guarantees: a handler reads a request, makes one command or one reading of it, and shows the result.

Owns no table.
"""
