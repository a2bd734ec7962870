"""Ports of the processes beside the api."""

import contextlib

from app.base.process import PortUnusable, check_port
from app.base.settings import Settings
from app.devkit.stack import free_port


def find_port(settings: Settings, name: str, offset: int) -> int:
    """The configured port, or a free one near the api's.

    Args:
        name: the setting's, such as `vault_port`.
        offset: from the api's port, so that an api on 8000 has its acquirer on 8010, and
            another api has its own.
    """
    if name in settings.model_fields_set:
        port = int(getattr(settings, name))
        check_port(settings.host, port, f"SUYA_{name.upper()}")
        return port
    with contextlib.suppress(PortUnusable, OverflowError):
        check_port(settings.host, settings.port + offset)
        return settings.port + offset
    return free_port(host=settings.host)
