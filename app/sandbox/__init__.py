"""The world outside, made up for development and tests.

Guarantees: it answers as the world does, late, twice, falsely or never, when it is told to.

Owns no table. A process of its own, which shares only values with us; a command starts it.
"""
