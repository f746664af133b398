"""The service of `ai-mixer listen` for tests."""

import shutil
import socket
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

from ai_mixer.app.plugin_service import SOCKET


@contextmanager
def short_home():
    """A home folder with a short name: paths of sockets are limited."""
    folder = Path(tempfile.mkdtemp(prefix="ai_mixer"))
    yield folder
    shutil.rmtree(folder)


@contextmanager
def running(service):
    """A service in a thread."""
    with service:
        thread = threading.Thread(target=service.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()


def ask(home, request, close=False):
    """Send the bytes of a request; returns the whole answer. close: without reading it."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(home / SOCKET))
        client.sendall(request)
        if close:
            return b""
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(4096), b""))
