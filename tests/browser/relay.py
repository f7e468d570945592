"""A network line between browser and server that can be cut."""

from __future__ import annotations

import contextlib
import socket
import threading


class Relay:
    """Passes bytes between a port of its own and the server's, until the line is cut.

    Args:
        port: The server's port on 127.0.0.1.

    Attributes:
        url: What the browser opens instead of the server's address.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lines: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_cut = False
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Drop every connection, and every new one at once."""
        with self._lock:
            self._is_cut = True
            lines, self._lines = self._lines, []
        for line in lines:
            _drop(line)

    def mend(self) -> None:
        """Let new connections through again."""
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        """Cut for good."""
        self.cut()
        _drop(self._listener)
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                browser, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._is_cut:
                    _drop(browser)
                    continue
                server = socket.create_connection(("127.0.0.1", self._target))
                self._lines += [browser, server]
            for source, sink in ((browser, server), (server, browser)):
                threading.Thread(target=_pass_on, args=(source, sink), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass  # The line was cut.
    _drop(source)
    _drop(sink)


def _drop(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()
