"""Keys and tokens for the rows with authentication: one RSA key, made anew for each run, and tokens of many callers."""

import base64
import json
import pathlib
import re
import subprocess
import time

from .processes import BenchError, need

ISSUER, AUDIENCE = "https://issuer.bench", "api.bench"


def _encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _openssl(*arguments, data=None):
    answer = subprocess.run([need("openssl", "openssl"), *arguments], input=data, capture_output=True)
    if answer.returncode:
        raise BenchError(f"openssl {arguments[0]} failed:\n{answer.stderr.decode()}")
    return answer.stdout


class Tokens:
    """`pem`: the public key's file; `jwks`: the key set as one line of JSON; `all`: the tokens."""

    def __init__(self, directory, count=100):
        private = f"{directory}/jwt-private.pem"
        _openssl("genrsa", "-out", private, "2048")
        self.pem = f"{directory}/jwt.pem"
        pathlib.Path(self.pem).write_bytes(_openssl("rsa", "-in", private, "-pubout"))
        modulus = re.search(rb"Modulus=([0-9A-F]+)", _openssl("rsa", "-in", private, "-noout", "-modulus"))[1].decode()
        key = {"kty": "RSA", "kid": "bench", "use": "sig", "alg": "RS256", "n": _encoded(bytes.fromhex(modulus)),
               "e": "AQAB"}
        self.jwks = json.dumps({"keys": [key]})
        self.all = [self._token(private, f"user-{number}") for number in range(count)]

    @staticmethod
    def _token(private, subject):
        now = int(time.time())
        head = {"alg": "RS256", "typ": "JWT", "kid": "bench"}
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 24 * 3600,
                  "scope": "orders:read"}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (head, claims))
        return f"{text}.{_encoded(_openssl('dgst', '-sha256', '-sign', private, data=text.encode()))}"

    def script(self, directory, headers=()):
        """A wrk script that sends the tokens in turn, each with the further headers; returns its path."""
        lines = ["local requests, next = {}, 0", "function init(args)"]
        for number, token in enumerate(self.all):
            fields = ", ".join(f'["{name}"] = "{value}"' for name, value in
                               [("Authorization", f"Bearer {token}"), *headers])
            lines.append(f'  requests[{number + 1}] = wrk.format("GET", nil, {{{fields}}})')
        lines += ["end", "function request()", "  next = next % #requests + 1", "  return requests[next]", "end",
                  pathlib.Path(__file__).with_name("report.lua").read_text()]
        path = f"{directory}/tokens.lua"
        pathlib.Path(path).write_text("\n".join(lines))
        return path
