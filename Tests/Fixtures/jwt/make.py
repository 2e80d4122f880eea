#!/usr/bin/env python3
"""Makes tokens.json: tokens of two other implementations, for the tests of the jwt filter.

Needs PyJWT, cryptography and jwcrypto. The private keys are test keys that anybody may know. They are kept in the file,
so that running this again changes nothing but the signatures of algorithms that use random numbers. The token of the
documentation stays as it is.
"""

import base64
import json
import os

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwcrypto import jwk, jwt as crypto_jwt
from jwcrypto import tests as vectors

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokens.json")
NOW = 1_700_000_000
CLAIMS = {
    "iss": "https://issuer.example",
    "sub": "alice",
    "aud": "orders",
    "iat": NOW - 60,
    "nbf": NOW - 60,
    "exp": NOW + 3600,
    "scope": "orders:read orders:write",
    "email_verified": True,
    "roles": ["reader", "writer"],
    "org": {"id": 7, "name": "Zo\u00eb & Co"},
}
ALGORITHMS = {
    "hmac": ["HS256", "HS384", "HS512"],
    "rsa": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    "p256": ["ES256"],
    "p384": ["ES384"],
    "p521": ["ES512"],
    "ed25519": ["EdDSA"],
}
PRIVATE = ("d", "p", "q", "dp", "dq", "qi")


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def new_keys():
    return {
        "hmac": b64(bytes(range(64))),
        "rsa": pem(rsa.generate_private_key(65537, 2048)),
        "rsa1024": pem(rsa.generate_private_key(65537, 1024)),
        "p256": pem(ec.generate_private_key(ec.SECP256R1())),
        "p384": pem(ec.generate_private_key(ec.SECP384R1())),
        "p521": pem(ec.generate_private_key(ec.SECP521R1())),
        "ed25519": pem(ed25519.Ed25519PrivateKey.generate()),
    }


def as_jwk(name, secret):
    if name == "hmac":
        return jwk.JWK(kty="oct", k=secret)
    return jwk.JWK.from_pem(secret.encode())


def public(key, name):
    fields = json.loads(key.export())
    fields = {k: v for k, v in fields.items() if k not in PRIVATE and k != "kid"}
    return fields | {"kid": name}


def tokens(keys):
    for name, algorithms in ALGORITHMS.items():
        secret = keys[name]
        raw = base64.urlsafe_b64decode(secret + "==") if name == "hmac" else secret
        for algorithm in algorithms:
            yield {"maker": "PyJWT", "key": name, "alg": algorithm,
                   "token": jwt.encode(CLAIMS, raw, algorithm, headers={"kid": name})}
            other = crypto_jwt.JWT(header={"alg": algorithm, "kid": name}, claims=CLAIMS)
            other.make_signed_token(as_jwk(name, secret))
            yield {"maker": "jwcrypto", "key": name, "alg": algorithm, "token": other.serialize()}


def example(keys):
    """The token of docs/filters/jwt.md and examples/jwt.yaml, good until the year 2100."""
    claims = {"iss": "https://auth.example.com", "aud": "api.example.com", "sub": "alice", "scope": "orders:read",
              "exp": 4_102_444_800}
    return jwt.encode(claims, keys["p256"], "ES256", headers={"kid": "test-key"})


def rfc_example(name, example):
    key = example["key"]
    parts = [example["protected"].encode(), example["payload"], example["signature"]]
    public_key = {k: v for k, v in key.items() if k not in PRIVATE and k != "key_ops" and k != "use"}
    return {"name": name, "key": public_key, "token": ".".join(b64(p) for p in parts)}


def rfc_examples():
    yield rfc_example("RFC 7515, appendix A.1", vectors.A1_example)
    yield rfc_example("RFC 7515, appendix A.2", vectors.A2_example)
    yield rfc_example("RFC 7515, appendix A.3", vectors.A3_example)
    yield rfc_example("RFC 7515, appendix A.4", vectors.A4_example)
    # RFC 8037, appendices A.2 and A.4
    yield {
        "name": "RFC 8037, appendix A.4",
        "key": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        "token": "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
                 "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    }


def main():
    old = {}
    if os.path.exists(PATH):
        with open(PATH, encoding="utf-8") as file:
            old = json.load(file)
    keys = old.get("private") or new_keys()
    result = {
        "now": NOW,
        "private": keys,
        "example": old.get("example") or example(keys),
        "jwks": {"keys": [public(as_jwk(n, s), n) for n, s in keys.items()]},
        "tokens": list(tokens(keys)),
        "rfc": list(rfc_examples()),
    }
    with open(PATH, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main()
