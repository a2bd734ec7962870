"""Suya: a payments platform that does not lose money."""
