"""What all resources of the API share: a request, its key, its answer, its problems.

Guarantees: a route says what it takes and does, and everything else about HTTP is done here, once.

Owns no table. Knows no resource.
"""
