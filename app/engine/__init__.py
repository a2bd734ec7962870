"""What every domain commits through: the database and its group commit, keys, events, flows.

Guarantees: a step runs as one serializable transaction that may run again; its answer, its events
and the state of its flow are rows of that transaction.

Owns what its packages own. Knows no payment, no account and no merchant but by their ids.
"""
