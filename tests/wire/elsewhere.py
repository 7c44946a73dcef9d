"""A server of somebody else, that answers as it should, too much, or for ever."""

import http.server
import threading
from contextlib import contextmanager

from service.wire.http import BYTES


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Host"]))
        if self.path == "/moved":
            self.answer(302, b"", Location="/keys")
        elif self.path == "/large":
            self.answer(200, b"x" * (BYTES + 1))
        elif self.path == "/most":
            self.answer(200, b"x" * BYTES)
        elif self.path == "/chunks":
            parts = (self.server.document[:4], self.server.document[4:], b"")
            self.answer_in_chunks(*(b"%x\r\n%s\r\n" % (len(part), part) for part in parts))
        elif self.path == "/negative":
            self.answer_in_chunks(b"-1\r\n", *[b"x" * 1_000_000] * 20)
        elif self.path == "/drip":
            self.drip()
        elif self.path == "/head":
            self.drip_head()
        else:
            self.answer(200, self.server.document, **{"Cache-Control": "public, max-age=600"})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path in {"/keys", "/moved"}:
            self.do_GET()
        else:
            self.send_error(501)

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def answer_in_chunks(self, *chunks):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in chunks:
            self.wfile.write(chunk)

    def drip(self):
        self.send_response(200)
        self.end_headers()
        while not self.server.over.wait(0.05):
            self.wfile.write(b"x")

    def drip_head(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not self.server.over.wait(0.05):
            self.wfile.write(b"x")

    def handle(self):
        try:
            super().handle()
        except OSError:
            self.server.ended.set()

    def log_message(self, *_):
        pass


@contextmanager
def serving(context=None):
    """A server that runs as long as it is needed; `asked` are the paths and hosts that it was asked for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.document = b'{"keys": []}'
    server.asked, server.over, server.ended = [], threading.Event(), threading.Event()
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
