"""Check of the address of a server, before it is started."""

import socket

MAX_PORT = 65535


def check_address(host: str, port: int) -> None:
    """Check that a server can listen on host and port. ValueError or OSError (one line) if not."""
    if not 1 <= port <= MAX_PORT:
        raise ValueError(f"port {port}: must be 1 to {MAX_PORT}, e.g. 5001")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            way_out = "choose another port, e.g. 5001"
            if isinstance(error, socket.gaierror):
                way_out = "the host is the name or IPv4 address of this machine, e.g. 127.0.0.1"
            raise OSError(f"{host}:{port}: {error.strerror}: {way_out}") from error
