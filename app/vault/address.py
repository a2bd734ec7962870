"""The URL of the vault's database."""

from app.base.settings import Settings


def vault_database_url(settings: Settings) -> str:
    """The configured URL, or that of the embedded PostgreSQL under the settings' home."""
    if settings.vault_database_url is not None:
        return settings.vault_database_url.get_secret_value()
    from app.engine.database.embedded import EmbeddedPostgres  # noqa: PLC0415 - only without a URL

    return EmbeddedPostgres(settings.home).vault_url
