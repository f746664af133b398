"""A server's address that cannot be used is an error in one line."""

import socket

import pytest

from ai_mixer.utils.network import check_address


@pytest.mark.parametrize("port", [99_999, 65_536, 0, -1])
def test_a_port_out_of_range_is_an_error(port):
    with pytest.raises(ValueError, match=f"port {port}: must be 1 to 65535"):
        check_address("127.0.0.1", port)


def test_an_unknown_host_is_an_error():
    with pytest.raises(OSError, match=r"256\.1\.1\.1:5000: .*the host is"):
        check_address("256.1.1.1", 5000)


def test_a_free_port_passes():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    check_address("127.0.0.1", port)
