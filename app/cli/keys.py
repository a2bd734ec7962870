"""`suya keys`: the API keys of merchants."""

from typing import Annotated

import typer

from app.cli import output
from app.cli.context import with_database
from app.cli.failures import CommandFailed
from app.cli.views import COLUMNS_OF_KEY, key_row, key_view, parse_id

app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MerchantId = Annotated[str, typer.Argument(help="Id of the merchant (mer_...).")]


@app.command()
def create(
    merchant: MerchantId,
    name: Annotated[str, typer.Option(help="A name for people.")] = "default",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it may do: read, write; repeat it (default: both)."),
    ] = None,
    json: Json = False,
) -> None:
    """Create an API key; its secret is shown only now.

    Example: suya keys create mer_01k9z3v5t8e0jr4x6m2n7q1w5y --name checkout --json
    """
    from app.domains.merchants import SCOPES
    from app.domains.merchants.admin import create_key

    scopes = scope or SCOPES
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise CommandFailed(f"Unknown scope {', '.join(unknown)}: there are {', '.join(SCOPES)}.")
    merchant_id = parse_id("merchant", merchant)
    key, secret = with_database(
        lambda database: create_key(database, merchant_id, name=name, scopes=scopes)
    )
    if json:
        output.write_json({**key_view(key), "secret": secret})
    else:
        output.write_table(COLUMNS_OF_KEY, [key_row(key)])
        output.write(f"\nsecret (Suya does not store it):  {secret}")


@app.command(name="list")
def list_all(merchant: MerchantId, json: Json = False) -> None:
    """List a merchant's API keys.

    Example: suya keys list mer_01k9z3v5t8e0jr4x6m2n7q1w5y
    """
    from app.domains.merchants.admin import list_keys

    merchant_id = parse_id("merchant", merchant)
    keys = with_database(lambda database: list_keys(database, merchant_id))
    if json:
        output.write_json({"data": [key_view(key) for key in keys]})
    else:
        output.write_table(COLUMNS_OF_KEY, map(key_row, keys))


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Id of the key (key_...).")],
    json: Json = False,
) -> None:
    """Revoke an API key; within 5 seconds every process refuses it.

    Example: suya keys revoke key_01k9z3v5t8e0jr4x6m2n7q1w5y
    """
    from app.domains.merchants.admin import revoke_key

    key_id = parse_id("api_key", key)
    with_database(lambda database: revoke_key(database, key_id))
    if json:
        output.write_json({"id": key, "revoked": True})
    else:
        output.write(f"Revoked {key}.")
