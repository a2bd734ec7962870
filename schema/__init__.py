"""The schema's history: plain SQL in Alembic revisions, forward only, run on either database.

`versions` is that of the api's database, `vault` that of the vault's own. `NNNN_expand_*` goes
before the code that needs it, `NNNN_contract_*` after it.
"""
