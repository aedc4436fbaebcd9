"""Servers for the tests of a registry's client.

servers.py token CERTIFICATE KEY LOG [USER:PASSWORD:REFRESH]
    a token service whose tokens docker-registry believes (distribution, "Token Authentication
    Implementation"): JSON Web Tokens that openssl signs
servers.py proxy LOG PORT UPSTREAM FAULT
    a proxy in front of a registry, asked for a path or for a whole URL (RFC 9112, 3.2.2), with a fault:
      none
      die:N         ends itself after N bytes of the first blob that is longer
      cut:N         breaks the first transfer of a long blob off after N bytes
      corrupt       changes the last byte of every blob
      redirect      sends blobs on to another host and port
      lure          the same, and that host asks for a token of a service of its own
      busy:N        answers the first N requests with 429 and Retry-After: 0
      absent        404 for everything

servers.py layout LOG DIRECTORY DIGEST TYPE [tokens]
    a registry that serves a layout's files as they are; every tag is the manifest of that digest;
    with "tokens" it asks for tokens, the first of which is good for manifests only

The file LOG.port holds the port when it answers. Each request becomes a line of JSON in LOG.
"""

import base64
import http.client
import http.server
import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.parse


def log(path, handler, where, body=b""):
    line = json.dumps(
        {
            "where": where,
            "method": handler.command,
            "path": handler.path,
            "body": body.decode("latin-1"),
            "fields": {name.lower(): value for name, value in handler.headers.items()},
        }
    )
    with open(path, "a") as file:
        file.write(line + "\n")


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", fields=()):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def serve(handler, port=0):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token_service(certificate, key, path, account=None):
    der = base64.b64encode(
        subprocess.run(
            ["openssl", "x509", "-in", certificate, "-outform", "DER"],
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
    ).decode()

    def token(service, scopes):
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        head = encoded(json.dumps({"typ": "JWT", "alg": "RS256", "x5c": [der]}).encode())
        claims = {
            "iss": "issuer",
            "sub": "",
            "aud": service,
            "exp": now + 300,
            "nbf": now - 10,
            "iat": now,
            "jti": str(random.random()),
            "access": access,
        }
        text = head + "." + encoded(json.dumps(claims).encode())
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", key],
            input=text.encode(),
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        return text + "." + encoded(signature)

    class Handler(Quiet):
        def do_GET(self):
            log(path, self, "token")
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            given = self.headers.get("Authorization")
            if account:
                user, password, _ = account.split(":")
                wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
                if given != wanted:
                    return self.answer(401, b"{}")
            self.give(query)

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            log(path, self, "token", body)
            query = urllib.parse.parse_qs(body.decode())
            if not account or query.get("refresh_token") != [account.split(":")[2]]:
                return self.answer(401, b"{}")
            self.give(query)

        def give(self, query):
            text = token(query["service"][0], query.get("scope", []))
            body = json.dumps({"access_token": text, "expires_in": 300}).encode()
            self.answer(200, body, [("Content-Type", "application/json")])

    return serve(Handler)


def proxy(path, port, upstream, fault):
    host = urllib.parse.urlsplit(upstream).netloc
    lock = threading.Lock()
    state = {"left": int(fault.split(":")[1]) if ":" in fault else 0, "done": False}
    other = {}

    class Handler(Quiet):
        where = "registry"

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            log(path, self, self.where)
            kind = fault.split(":")[0]
            is_blob = "/blobs/" in self.path
            if kind == "absent":
                return self.answer(404, b"{}")
            if kind == "busy":
                with lock:
                    state["left"] -= 1
                    if state["left"] >= 0:
                        return self.answer(429, b"{}", [("Retry-After", "0")])
            if kind == "lure" and self.where == "other":
                realm = f"http://{self.headers['Host']}/token"
                proof = f'Bearer realm="{realm}",service="s", Basic realm="r"'
                return self.answer(401, b"{}", [("WWW-Authenticate", proof)])
            if kind in ("redirect", "lure") and is_blob and self.where == "registry":
                place = f"http://localhost:{other['port']}{self.path}"
                return self.answer(307, b"", [("Location", place)])
            fields = {
                name: value
                for name, value in self.headers.items()
                if name.lower() in ("accept", "range", "authorization")
            }
            connection = http.client.HTTPConnection(host, timeout=20)
            place = urllib.parse.urlsplit(self.path)._replace(scheme="", netloc="").geturl()
            connection.request(self.command, place, headers=fields)
            response = connection.getresponse()
            body = response.read()
            if kind == "corrupt" and is_blob and body:
                body = body[:-1] + bytes([body[-1] ^ 1])
            kept = [
                (name, value)
                for name, value in response.getheaders()
                if name.lower()
                in ("content-type", "content-range", "docker-content-digest", "www-authenticate")
            ]
            limit = state["left"]
            if kind in ("die", "cut") and is_blob and len(body) > limit:
                with lock:
                    first = not state["done"]
                    state["done"] = True
                if first:
                    self.send_response(response.status)
                    for name, value in kept:
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body[:limit])
                    self.wfile.flush()
                    if kind == "die":
                        os._exit(0)
                    self.close_connection = True
                    return
            self.answer(response.status, body, kept)

    class Other(Handler):
        where = "other"

    other["port"] = serve(Other)
    return serve(Handler, port)


def layout(path, directory, digest, media_type, tokens=None):
    state = {"tokens": 0}

    class Handler(Quiet):
        def is_refused(self):
            given = self.headers.get("Authorization")
            good = ["Bearer t2"] if "/blobs/" in self.path else ["Bearer t1", "Bearer t2"]
            return tokens and given not in good

        def do_GET(self):
            log(path, self, "registry")
            if self.path.startswith("/token?"):
                state["tokens"] += 1
                body = json.dumps({"token": f"t{state['tokens']}"}).encode()
                return self.answer(200, body)
            if self.is_refused():
                realm = f"http://{self.headers['Host']}/token"
                proof = f'Basic realm="a, b", Bearer realm="{realm}",service="s, t"'
                return self.answer(401, b"{}", [("WWW-Authenticate", proof)])
            parts = self.path.split("/")
            if len(parts) < 5 or not digest:
                return self.answer(200 if parts[:3] == ["", "v2", ""] else 404, b"{}")
            kind, name = parts[-2:]
            is_manifest = kind == "manifests"
            name = digest if is_manifest and ":" not in name else name
            try:
                with open(os.path.join(directory, "blobs", *name.split(":")), "rb") as file:
                    body = file.read()
            except OSError:
                return self.answer(404, b"{}")
            own = json.loads(body).get("mediaType") if is_manifest and name != digest else None
            kind = own or media_type if is_manifest else "application/octet-stream"
            fields = [("Content-Type", kind)]
            if is_manifest:
                fields.append(("Docker-Content-Digest", name))
            self.answer(200, body, fields)

    return serve(Handler)


if __name__ == "__main__":
    mode, words = sys.argv[1], sys.argv[2:]
    if mode == "token":
        record, port = words[2], token_service(*words)
    elif mode == "layout":
        record, port = words[0], layout(*words)
    else:
        record, port = words[0], proxy(words[0], int(words[1]), words[2], words[3])
    with open(record + ".new", "w") as file:
        file.write(str(port))
    os.rename(record + ".new", record + ".port")
    threading.Event().wait()
