"""Tools of those who build Suya: a whole stack on one machine, chaos, load, clusters.

Guarantees: they use the platform as its users do, by its commands and its API.

Owns no table. Nothing imports them but commands, when they run; no server needs them.
"""
