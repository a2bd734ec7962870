"""Whether a run can put HAProxy in front of its api processes."""

from app.devkit.stack import Balancer, find_program


def why_not() -> str:
    """Why there is no balancer here; empty if there is one."""
    if find_program("haproxy") is None:
        return "haproxy is not installed"
    if not Balancer.configuration.exists():
        return f"{Balancer.configuration} is not there (it comes with the repository)"
    return ""
