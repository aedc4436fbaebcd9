#!/usr/bin/env python3
"""A server of HTTP/1.1 with faults: the first word of the path is the fault.

Usage: server.py LOG [CERTIFICATE KEY]. Listens on two ports of 127.0.0.1, which it writes to
LOG.ports; writes each request as a line of JSON to LOG. Ends when its parent does.
"""

import email.utils
import json
import os
import socket
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

lock = threading.Lock()
seen = {}
active = {"now": 0, "most": 0}
log = open(sys.argv[1], "a", buffering=1)


def content(count):
    block = bytes((i * 31 + i // 251) % 256 for i in range(65536))
    return (block * (count // 65536 + 1))[:count]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def answer(self, status, body=b"", length=None, **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def broken(self, *arguments, **fields):
        """Answers less than was promised, then breaks the connection."""
        self.answer(*arguments, **fields)
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def rest(self, body, shift=0):
        """The whole file, or the bytes that Range asks for."""
        wanted = self.headers.get("Range")
        if not wanted:
            return self.answer(200, body)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) + shift
        if start >= len(body):
            return self.answer(416)
        self.answer(206, body[start:],
                    Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}")

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        with lock:
            count = seen[self.path] = seen.get(self.path, 0) + 1
            log.write(json.dumps({
                "port": self.server.server_address[1], "client": self.client_address[1],
                "method": self.command, "path": self.path, "body": body,
                "fields": {k.lower(): v for k, v in self.headers.items()}}) + "\n")
        if url.scheme:  # asked as a proxy
            return self.answer(200, b"through the proxy")
        words = url.path.split("/")[1:]
        query = dict(urllib.parse.parse_qsl(url.query))
        number = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        fault = words[0]
        if fault == "file":
            self.rest(content(number))
        elif fault == "die":  # so often in the middle, then well
            if count <= int(query.get("times", 1)):
                start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
                stop = start + (number - start) // 2
                fields = {}
                if start:
                    fields = {"Content_Range": f"bytes {start}-{number - 1}/{number}"}
                self.broken(206 if start else 200, content(number)[start:stop], number - start,
                            **fields)
            else:
                self.rest(content(number))
        elif fault == "wrong-range":  # breaks off, then answers a range that was not asked for
            if count == 1:
                self.broken(200, content(number)[:number // 2], number)
            else:
                self.rest(content(number), shift=1)
        elif fault == "no-range":  # breaks off, then knows no ranges
            if count == 1:
                self.broken(200, content(number)[:number // 2], number)
            else:
                self.answer(200, content(number))
        elif fault == "busy":  # once, or as often as asked for
            if count <= int(query.get("times", 1)):
                fields = {}
                if "after" in query:
                    fields["Retry_After"] = query["after"]
                if "date" in query:
                    fields["Retry_After"] = email.utils.formatdate(
                        time.time() + int(query["date"]), usegmt=True)
                self.answer(int(query.get("status", 429)), b"busy", **fields)
            else:
                self.rest(content(number))
        elif fault == "status":
            self.answer(number, query.get("body", "").encode(),
                        Content_Type=query.get("type", "application/json"))
        elif fault == "redirect":
            self.answer(int(query.get("status", 302)), b"elsewhere", Location=query["to"])
        elif fault == "trickle":
            self.send_response(200)
            self.send_header("Content-Length", str(number or 1000000))
            self.end_headers()
            try:
                for _ in range(600):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.1)
            except OSError:
                pass
            self.close_connection = True
        elif fault == "hang":
            self.rfile.read(1)  # until the client goes
            self.close_connection = True
        elif fault == "short":  # a whole answer of half the bytes
            self.answer(200, content(number // 2))
        elif fault == "chunked-short":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            half = content(number // 2)
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(half), half))
        elif fault == "long":  # promises more than it has
            self.broken(200, content(number), number + 100)
        elif fault == "endless":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"10000\r\n" + content(65536) + b"\r\n")
            except OSError:
                self.close_connection = True
        elif fault == "header":  # without an end
            self.send_response(200)
            try:
                for index in range(100000):
                    self.send_header(f"X-{index}", "x" * 1000)
                    self.flush_headers()
            except OSError:
                pass
            self.close_connection = True
        elif fault == "wrong":
            self.answer(200, content(number)[::-1])
        elif fault == "encoded":
            self.answer(200, content(number), Content_Encoding="gzip")
        elif fault == "bearer":
            if self.headers.get("Authorization") == "Bearer " + words[2]:
                return self.rest(content(number))
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Bearer realm="r",service="s"')
            self.send_header("WWW-Authenticate", 'Basic realm="b, c"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault == "slow":
            with lock:
                active["now"] += 1
                active["most"] = max(active["most"], active["now"])
            time.sleep(0.1)
            with lock:
                active["now"] -= 1
            self.answer(200, content(number))
        elif fault == "most":
            self.answer(200, str(active["most"]).encode())
        else:
            self.answer(200, b"hello")

    do_HEAD = do_POST = do_GET


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *words):
        pass


def serve():
    server = Server(("127.0.0.1", 0), Handler)
    if len(sys.argv) > 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


parent = os.getppid()
with open(sys.argv[1] + ".ports", "w") as ports:
    ports.write(f"{serve()} {serve()}")
print("ready", flush=True)
# PR_SET_PDEATHSIG would end it with the thread of the tests that started it.
while os.getppid() == parent:
    time.sleep(0.2)
