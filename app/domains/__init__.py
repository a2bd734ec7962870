"""What the platform is about, one package for each thing of the field.

Guarantees: each has its rules, its tables and its errors to itself, and files by the same names, so
that who knows one knows all.

Owns what its packages own. Knows neither HTTP nor the processes that it runs in.
"""
