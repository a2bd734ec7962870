"""What everything is made of: clock, ids, money, settings, errors, named statements.

Guarantees: a value from here means the same everywhere, and is read in one place: the time from
`clock`, the environment from `settings`.

Owns no table. Imports nothing of ours.
"""
