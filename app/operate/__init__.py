"""What people run beside the platform: they verify, examine, trace, spread and move it.

Guarantees: nothing here is on a payment's way; what fails here fails no payment.

Owns no table. Nothing that serves imports it: a command hands the worker what it is to run.
"""
