"""What people run beside the platform: verification, diagnosis, traces, regions, rehoming.

Guarantees: no payment waits for this code, and its failure fails no payment.

Owns no table. Nothing that serves imports it: the command passes the worker the round that it is to
run.
"""
