"""Why a database is not made multi-region."""

from app.base.errors import Rejected, Unavailable


class RegionsRefused(Rejected):
    """{why}; nothing was changed."""

    code = "regions_refused"


class NoLicence(Rejected):
    """The cluster has no licence for multi-region tables (XXC02): Suya goes on as it is.

    Which is in one region, or in those it had while there was a licence; nothing was changed.
    The page docs/cockroachdb.md tells how to get a key and how to set it.
    """

    code = "no_licence"


class ChangeRefused(Rejected):
    """The database refused '{statement}' ({sqlstate}): {said}.

    What was done before it stays, and the same command goes on from there.
    """

    code = "change_refused"


class SchemaBusy(Unavailable):
    """After {waited_s} s other schema changes still run ({what}); the same command goes on later.

    What was done stays.
    """

    code = "schema_busy"
