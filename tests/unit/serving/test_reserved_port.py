"""The port that the processes of a host share."""

import socket

import pytest

from holdfast_server.serving.host import reserved_port

HOST = "127.0.0.1"


def test_a_port_that_somebody_listens_on_is_refused() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on {HOST}:{port}"), reserved_port(HOST, port):
            pass


def test_a_port_that_another_host_keeps_is_refused() -> None:
    with reserved_port(HOST, 0) as port:
        with pytest.raises(OSError, match="is another server running there"), reserved_port(HOST, port):
            pass
        with socket.socket() as process:
            process.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            process.bind((HOST, port))
            process.listen()


def test_connections_that_a_server_has_closed_are_not_in_the_way() -> None:
    with socket.socket() as listener:
        # As gRPC does with its own.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        with socket.create_connection((HOST, port)) as client:
            accepted, _ = listener.accept()
            # Who closes first keeps the connection's place for a minute.
            accepted.close()
            assert client.recv(1) == b""
    with reserved_port(HOST, port) as reserved:
        assert reserved == port
