"""Suya: a payments platform that does not lose money."""

__version__ = "0.1.0"
