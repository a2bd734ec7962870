"""What all packages use: clock, ids, money, settings, errors, named statements.

Guarantees: each thing is read in one place: the time in `clock`, the environment in `settings`.

Owns no table. Imports no other package of Suya.
"""
