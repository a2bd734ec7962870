"""Keys that the processes of a stack share, and the files that contain them."""

import base64
import os
import secrets
from pathlib import Path

_KEY_BYTES = 24
_SECRET_BYTES = 32  # Standard Webhooks asks for 24 to 64


def new_vault_keys() -> dict[str, str]:
    """Make the settings that a vault and its callers share."""
    names = ("vault_client_key", "vault_api_key", "vault_processor_key")
    return {name: f"vk_{secrets.token_hex(_KEY_BYTES)}" for name in names}


def new_acquirer_keys() -> dict[str, str]:
    """Make the settings that an acquirer and its callers share."""
    secret = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    return {
        "acquirer_key": f"aq_{secrets.token_hex(_KEY_BYTES)}",
        "acquirer_notification_secret": f"whsec_{secret}",
    }


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can ever read, and that is never half written."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{text}\n")
    fresh.replace(path)
