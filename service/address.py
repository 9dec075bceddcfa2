"""Whether the service could listen where it is told to, asked before anything is started."""

import socket

_LAST_PORT = 65535


def why_not_listen(host: str, port: int) -> str | None:
    """What is in the way of listening on an IP address and a TCP port, in a few words; None where nothing is."""
    if not 1 <= port <= _LAST_PORT:
        return f"Ports go from 1 to {_LAST_PORT}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the server will: connections of its predecessor that still linger are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return None
