"""Tools for developing Suya: a whole stack on one machine, chaos, load, clusters.

Guarantees: they use the platform as its users do, by its commands and its API.

Owns no table. Only commands import these packages, when they run; no server needs them.
"""
