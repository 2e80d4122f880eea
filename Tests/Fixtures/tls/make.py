#!/usr/bin/env python3
"""Makes the cases of X.509 path validation that PathCasesTests holds the verifier against: paths.json, in this folder.

Needs cryptography and openssl. Run without arguments. The format is that of C2SP's x509-limbo, so that the same test takes
that project's limbo.json too (SLUICE_PATH_CASES=limbo.json). Each case has a certificate, what is sent and what is trusted
beside it, a time, the name that is asked for, and what must come of it. The rules are those of RFC 5280, RFC 9525 and,
where a gateway can hold to them without turning down authorities that companies run for themselves, of the CA/Browser
Forum. What is let pass on purpose says so in its description.
"""

import base64
import datetime
import ipaddress
import json
import os
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ANY_USAGE, CODE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, ExtendedKeyUsageOID.CODE_SIGNING
UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.55738.666.7"), b"\x05\x00")
AUTO = object()

CASES = []
NAMES = iter(range(1, 10_000))
# RSA keys take long to make, and none of these cases minds who else has one.
RSA_KEYS = {}


def rsa_key(bits):
    if bits not in RSA_KEYS:
        RSA_KEYS[bits] = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return RSA_KEYS[bits]


def usage(*on):
    every = [
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    ]
    return x509.KeyUsage(**{name: name in on for name in every})


class Made:
    """A certificate with its key; `signer` is another, or nobody for one that signs itself."""

    def __init__(
        self, signer=None, *, name=None, key=None, ca=False, pathlen=None, constraints=AUTO, key_usage=AUTO, eku=AUTO,
        san=AUTO, start=-30 * DAY, end=365 * DAY, digest=AUTO, aki=AUTO, ski=True, extra=(), serial=None, issuer=None,
        signing_key=None,
    ):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        if name is None:
            name = f"{'authority' if ca else 'leaf'} {next(NAMES)}"
        if isinstance(name, str):
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
        self.name, self.pathlen, self.ca = name, pathlen, ca
        builder = (
            x509.CertificateBuilder().subject_name(name).public_key(self.key.public_key())
            .issuer_name(issuer if issuer is not None else signer.name if signer else name)
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(NOW + start).not_valid_after(NOW + end)
        )
        extensions = list(extra)
        if constraints is AUTO:
            constraints = (x509.BasicConstraints(ca, pathlen), True)
        if constraints:
            extensions.append(constraints)
        if key_usage is AUTO:
            key_usage = usage("key_cert_sign", "crl_sign") if ca else usage("digital_signature")
        if key_usage:
            extensions.append((key_usage, ca))
        if eku is AUTO:
            eku = None if ca else (x509.ExtendedKeyUsage([SERVER]), False)
        if eku:
            extensions.append(eku)
        if san is AUTO:
            san = None if ca else names("example.com")
        if san:
            extensions.append(san)
        if aki is AUTO:
            aki = (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), False) if signer else None
        if aki:
            extensions.append(aki)
        if ski:
            extensions.append((x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        signing = signing_key or (signer.key if signer else self.key)
        if digest is AUTO:
            digest = None if isinstance(signing, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        self.certificate = builder.sign(signing, digest)

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


class Raw:
    """A certificate whose bytes were changed; it may be malformed."""

    def __init__(self, made, change):
        self.key, self.name = made.key, made.name
        der = change(made.certificate.public_bytes(serialization.Encoding.DER))
        text = base64.encodebytes(der).decode().replace("\n", "")
        lines = "\n".join(text[start:start + 64] for start in range(0, len(text), 64))
        self.pem = f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def element(der):
    """The first element: its content, all of it, and what follows."""
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    return der[start:start + length], der[:start + length], der[start + length:]


def sequence(tag, content):
    length = len(content)
    size = b"" if length < 128 else length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([0x80 | len(size)]) if size else bytes([length])) + size + content


def signed_anew(made, algorithm, digest, signer=None, change_serial=lambda serial: serial):
    """The same certificate signed in a way that cryptography does not offer; `algorithm` is in DER."""

    def change(der):
        body = element(element(der)[0])[0]
        version = element(body)
        serial = element(version[2])
        old = element(serial[2])
        signed = sequence(0x30, version[1] + change_serial(serial[1]) + algorithm + old[2])
        key = (signer or made).key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with tempfile.NamedTemporaryFile() as file:
            file.write(key)
            file.flush()
            command = ["openssl", "dgst", f"-{digest}", "-sign", file.name]
            signature = subprocess.run(command, input=signed, check=True, capture_output=True).stdout
        return sequence(0x30, signed + algorithm + sequence(0x03, b"\x00" + signature))

    return Raw(made, change)


SHA1_RSA = bytes.fromhex("300d06092a864886f70d0101050500")
MD5_RSA = bytes.fromhex("300d06092a864886f70d0101040500")
SHA256_ECDSA = bytes.fromhex("300a06082a8648ce3d040302")
SHA1_ECDSA = bytes.fromhex("300906072a8648ce3d0401")


def names(*texts, critical=False):
    """Subject alternative names: addresses, email addresses, URIs, and DNS names for what is left."""
    found = []
    for text in texts:
        if isinstance(text, x509.GeneralName):
            found.append(text)
        elif "://" in text:
            found.append(x509.UniformResourceIdentifier(text))
        elif "@" in text:
            found.append(x509.RFC822Name(text))
        else:
            try:
                found.append(x509.IPAddress(ipaddress.ip_address(text)))
            except ValueError:
                found.append(x509.DNSName._init_without_validation(text))
    return x509.SubjectAlternativeName(found), critical


def dns(text):
    return x509.DNSName._init_without_validation(text)


def network(text):
    return x509.IPAddress(ipaddress.ip_network(text))


def within(permitted=None, excluded=None, critical=True):
    return x509.NameConstraints(permitted, excluded), critical


def root(**options):
    return Made(ca=True, **options)


def between(signer, **options):
    return Made(signer, ca=True, **options)


def leaf(signer, **options):
    return Made(signer, **options)


def revocations(signer, *revoked, start=-DAY, end=30 * DAY, entry_extension=None, extra=(), key=None):
    builder = x509.CertificateRevocationListBuilder().issuer_name(signer.name)
    builder = builder.last_update(NOW + start).next_update(NOW + end)
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number).revocation_date(NOW + start)
        if entry_extension:
            entry = entry.add_extension(*entry_extension)
        builder = builder.add_revoked_certificate(entry.build())
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical)
    made = builder.sign(key or signer.key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def case(
    identifier, good, peer, trusted, sent=(), description="", host="example.com", kind="SERVER", time=NOW, depth=None, lists=(),
):
    """One case: `good` says whether the certificate must be accepted."""
    if host is None:
        expected = None
    else:
        try:
            ipaddress.ip_address(host)
            expected = {"kind": "IP", "value": host}
        except ValueError:
            expected = {"kind": "DNS", "value": host}
    CASES.append({
        "id": identifier, "description": description, "validation_kind": kind,
        "trusted_certs": [one.pem for one in trusted], "untrusted_intermediates": [one.pem for one in sent],
        "peer_certificate": peer.pem, "validation_time": time.isoformat(), "expected_peer_name": expected,
        "expected_result": "SUCCESS" if good else "FAILURE", "max_chain_depth": depth, "crls": list(lists),
    })


def simple(identifier, good, description="", host="example.com", root_options={}, kind="SERVER", **options):
    """A leaf under a root."""
    top = root(**root_options)
    case(identifier, good, leaf(top, **options), [top], description=description, host=host, kind=kind)


def chained(identifier, good, description="", host="example.com", root_options={}, leaf_options={}, depth=None, **options):
    """A leaf under an intermediate under a root; options are those of the intermediate."""
    top = root(**root_options)
    middle = between(top, **options)
    case(identifier, good, leaf(middle, **leaf_options), [top], [middle], description, host, depth=depth)


def basics():
    simple("basic::root-leaf", True)
    chained("basic::root-intermediate-leaf", True, pathlen=0)
    top, other = root(), root()
    middle = between(top)
    case("basic::untrusted-root", False, leaf(middle), [other], [middle, top])
    case("basic::missing-intermediate", False, leaf(middle), [top])
    case("basic::intermediate-trusted", True, leaf(middle), [middle], description="What is trusted need not be self-signed.")
    lone = leaf(None)
    case("basic::self-signed-leaf", False, lone, [top])
    case("basic::self-signed-leaf-trusted", True, lone, [lone], description="A self-signed certificate that is trusted itself.")
    impostor = Made(ca=True, name=top.name)
    case("basic::same-name-other-key", False, leaf(impostor), [top])
    case("basic::same-name-other-key-no-aki", False, leaf(impostor, aki=None), [top])
    one, two, three = between(top), None, None
    two = between(one)
    three = between(two)
    case("basic::out-of-order", True, leaf(three), [top], [one, three, two])
    case("basic::with-strangers", True, leaf(three), [top], [root(), one, between(other), three, two])
    for bits, good in [(2048, True), (1024, False), (3072, True)]:
        simple(f"keys::rsa-{bits}-leaf", good, key=rsa_key(bits))
        simple(f"keys::rsa-{bits}-root", good, root_options={"key": rsa_key(bits)})
    chained("keys::rsa-1024-intermediate", False, key=rsa_key(1024))
    simple("keys::rsa-2052", False, key=rsa_key(2052))
    simple("keys::p224", False, key=ec.generate_private_key(ec.SECP224R1()))
    simple("serial::20-bytes", True, serial=(1 << 158) + 1)
    top = root()
    long = b"\x02\x14" + bytes(range(1, 21))
    good = leaf(top, serial=int.from_bytes(long[2:], "big"))

    longer = signed_anew(good, SHA256_ECDSA, "sha256", top, lambda serial: b"\x02\x15\x01" + serial[2:])
    case("serial::21-bytes", False, longer, [top])
    simple("keys::p384", True, root_options={"key": ec.generate_private_key(ec.SECP384R1())})
    simple("keys::p521", True, root_options={"key": ec.generate_private_key(ec.SECP521R1())})
    simple("keys::ed25519", True, root_options={"key": ed25519.Ed25519PrivateKey.generate()})
    simple("keys::p192", False, key=ec.generate_private_key(ec.SECP192R1()))
    simple("keys::p192-root", False, root_options={"key": ec.generate_private_key(ec.SECP192R1())})
    dsa_key = dsa.generate_private_key(2048)
    simple("keys::dsa-root", False, root_options={"key": dsa_key})
    simple("keys::dsa-leaf", False, key=dsa_key)
    for identifier, algorithm, digest, options in [
        ("sha1-rsa", SHA1_RSA, "sha1", {"key": rsa_key(2048)}), ("md5", MD5_RSA, "md5", {"key": rsa_key(2048)}),
        ("sha1-ecdsa", SHA1_ECDSA, "sha1", {}),
    ]:
        top = root(**options)
        case(f"signatures::{identifier}", False, signed_anew(leaf(top), algorithm, digest, top), [top])
        case(f"signatures::{identifier}-of-the-root", True, leaf(top), [signed_anew(top, algorithm, digest)])
        middle = between(top)
        case(f"signatures::{identifier}-intermediate", False, leaf(middle), [top], [signed_anew(middle, algorithm, digest, top)])
    simple("signatures::sha384", True, digest=hashes.SHA384())
    simple("signatures::sha224", True, "112 bits of security: unusual, not weak.", digest=hashes.SHA224())
    top = root()
    good = leaf(top)
    case("signatures::changed", False, Raw(good, lambda der: der[:-1] + bytes([der[-1] ^ 1])), [top])
    case("signatures::by-another-key", False, leaf(top, signing_key=ec.generate_private_key(ec.SECP256R1())), [top])
    case("malformed::bytes-behind", False, Raw(good, lambda der: der + b"\x00"), [top])
    case("malformed::cut", False, Raw(good, lambda der: der[:200]), [top])
    mark = bytes.fromhex("300a06082a8648ce3d040302")
    case(
        "malformed::algorithms-differ", False, Raw(good, lambda der: der.replace(mark, mark[:-1] + b"\x03", 1)), [top],
        description="The signed algorithm is another than the outer one.",
    )


def validity():
    for identifier, options in [("expired", {"start": -90 * DAY, "end": -DAY}), ("not-yet", {"start": DAY})]:
        simple(f"validity::{identifier}-leaf", False, **options)
        simple(f"validity::{identifier}-root", False, root_options=options)
        chained(f"validity::{identifier}-intermediate", False, **options)
    # In the very second of its end a certificate counts as good by RFC 5280, and as expired by the library.
    for seconds, good in [(-1, False), (1, True)]:
        simple(f"validity::ends-in-{seconds}", good, end=datetime.timedelta(seconds=seconds))
    for seconds, good in [(-1, False), (0, True), (1, True)]:
        simple(f"validity::began-{seconds}-ago", good, start=-datetime.timedelta(seconds=seconds))
    simple("validity::beyond-2050", True, end=365 * 40 * DAY)
    simple("validity::ends-9999", True, end=datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc) - NOW)
    # UTCTime with an offset, or without seconds, is not DER.
    top = root()
    good = leaf(top)
    utc = b"\x17\x0d" + (NOW - 30 * DAY).strftime("%y%m%d%H%M%SZ").encode()
    for identifier, other in [("offset", b"\x17\x0d260101000+00"), ("letters", b"\x17\x0d26010100000AZ")]:
        case(f"validity::malformed-{identifier}", False, Raw(good, lambda der: der.replace(utc, other, 1)), [top])


def constraints_and_usages():
    bare = (x509.BasicConstraints(False, None), True)
    chained("ca::intermediate-without-ca-bit", False, constraints=bare)
    chained("ca::intermediate-without-constraints", False, constraints=None)
    chained("ca::intermediate-without-cert-sign", False, key_usage=usage("digital_signature"))
    chained("ca::intermediate-without-usage", True, key_usage=None)
    chained("ca::intermediate-constraints-not-critical", True, "RFC 5280 has authorities mark it; no user looks.", constraints=(x509.BasicConstraints(True, None), False))
    simple("ca::root-without-constraints", False, root_options={"constraints": None})
    simple("ca::root-without-ca-bit", False, root_options={"constraints": bare})
    simple("ca::root-without-cert-sign", False, root_options={"key_usage": usage("digital_signature")})
    simple("ca::root-without-usage", True, root_options={"key_usage": None})
    simple("ca::leaf-without-constraints", True, constraints=None)
    simple("ca::leaf-without-usage", True, key_usage=None)
    top = root()
    first = leaf(top)
    case("ca::leaf-signs", False, leaf(first), [top], [first])
    for identifier, on, good, description in [
        ("authority-as-leaf", ["key_cert_sign", "crl_sign"], False, "Its key is for signing certificates only."),
        ("authority-as-leaf-that-signs", ["key_cert_sign", "digital_signature"], True, "Against the Baseline Requirements; companies do it."),
    ]:
        both = Made(top, ca=True, san=names("example.com"), eku=(x509.ExtendedKeyUsage([SERVER]), False), key_usage=usage(*on))
        case(f"ca::{identifier}", good, both, [top], description=description)
    simple("ca::leaf-with-cert-sign", False, key_usage=usage("digital_signature", "key_cert_sign"))
    for depth, pathlen, good in [(0, 0, True), (1, 0, False), (1, 1, True), (2, 1, False), (3, None, True)]:
        top = root()
        chain = [between(top, pathlen=pathlen)]
        for _ in range(depth):
            chain.append(between(chain[-1]))
        case(f"pathlen::{depth}-below-{pathlen}", good, leaf(chain[-1]), [top], chain)
    top = root(pathlen=0)
    middle = between(top)
    case("pathlen::root-0", False, leaf(middle), [top], [middle])
    case("pathlen::root-0-leaf", True, leaf(top), [top])
    same = between(top, name=top.name)
    case("pathlen::self-issued-does-not-count", True, leaf(same), [top], [same], description="RFC 5280, section 4.2.1.9: self-issued certificates are not counted.")
    top = root()
    high = between(top, pathlen=0)
    low = between(high, pathlen=4)
    case("pathlen::cannot-grow", False, leaf(low), [top], [high, low])
    simple("usage::leaf-no-signature", True, "A key for encipherment only, which TLS 1.3 has no use for.", key_usage=usage("key_encipherment"))
    for identifier, wanted, good in [
        ("server", [SERVER], True), ("client", [CLIENT], False), ("both", [SERVER, CLIENT], True), ("code", [CODE], False),
        ("any", [ANY_USAGE], False),
    ]:
        simple(f"eku::{identifier}", good, eku=(x509.ExtendedKeyUsage(wanted), False))
    simple("eku::any-and-server", True, eku=(x509.ExtendedKeyUsage([ANY_USAGE, SERVER]), False))
    simple("eku::none", True, "Allowed by RFC 5280, not by the Baseline Requirements.", eku=None)
    simple("eku::critical", True, eku=(x509.ExtendedKeyUsage([SERVER]), True))
    chained("eku::intermediate-client-only", False, eku=(x509.ExtendedKeyUsage([CLIENT]), False))
    chained("eku::intermediate-server", True, eku=(x509.ExtendedKeyUsage([SERVER]), False))
    simple("eku::client-of-clients", True, kind="CLIENT", host=None, eku=(x509.ExtendedKeyUsage([CLIENT]), False))
    simple("eku::server-of-clients", False, kind="CLIENT", host=None)
    for where in ["leaf", "intermediate", "root"]:
        mark = {"extra": [(UNKNOWN, True)]}
        options = {"leaf": {"leaf_options": mark}, "intermediate": mark, "root": {"root_options": mark}}[where]
        chained(f"extensions::unknown-critical-{where}", False, **options)
        plain = {"extra": [(UNKNOWN, False)]}
        options = {"leaf": {"leaf_options": plain}, "intermediate": plain, "root": {"root_options": plain}}[where]
        chained(f"extensions::unknown-{where}", True, **options)
    simple("extensions::aki-missing", True, "RFC 5280 wants it; many private authorities leave it out.", aki=None)
    simple("extensions::ski-missing", True, "As aki-missing.", root_options={"ski": False})
    top = root()
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(top.key.public_key())
    case("extensions::aki-critical", False, leaf(top, aki=(identifier, True)), [top])
    key = ec.generate_private_key(ec.SECP256R1())
    own = (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), True)
    case("extensions::ski-critical", False, leaf(top, key=key, ski=False, extra=[own]), [top])
    wrong = (x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None), False)
    simple("extensions::aki-of-another-key", False, aki=wrong)
    access = x509.AuthorityInformationAccess([
        x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://a.example/ca"))
    ])
    simple("extensions::aia", True, extra=[(access, False)])
    simple("extensions::aia-critical", False, "RFC 5280: must not be critical.", extra=[(access, True)])
    policy = x509.CertificatePolicies([x509.PolicyInformation(ObjectIdentifier("1.2.3.4"), None)])
    simple("extensions::policies-critical", True, extra=[(policy, True)])
    explicit = x509.PolicyConstraints(0, None)
    chained("extensions::explicit-policy-without-one", False, extra=[(explicit, True), (policy, False)])
    chained("extensions::explicit-policy", True, extra=[(explicit, True), (policy, False)], leaf_options={"extra": [(policy, False)]})
    top = root()
    good = leaf(top, san=None, extra=[names("example.com"), (x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.99"), names("example.com")[0].public_bytes()), False)])
    case("extensions::twice", False, Raw(good, lambda der: der.replace(b"\x55\x1d\x63", b"\x55\x1d\x11")), [top])
    simple("names::empty-issuer", False, root_options={"name": ""})
    top = root()
    case("names::empty-issuer-leaf", False, leaf(top, issuer=x509.Name([])), [top])
    middle = between(top, name="")
    case("names::empty-intermediate", False, leaf(middle, issuer=x509.Name([])), [top], [middle])


def hosts():
    simple("names::common-name-only", False, "Common names are for people.", name="example.com", san=None)
    simple("names::common-name-beside-others", False, name="example.com", san=names("other.example"))
    simple("names::empty-subject", True, name="", san=names("example.com", critical=True))
    simple("names::empty-subject-not-critical", True, "RFC 5280 has authorities mark it critical; no user looks.", name="", san=names("example.com"))
    for identifier, presented, host, good in [
        ("exact", "example.com", "example.com", True), ("case", "eXaMple.COM", "ExAmplE.com", True),
        ("other", "example.com", "example.org", False), ("below", "example.com", "www.example.com", False),
        ("above", "www.example.com", "example.com", False), ("longer", "example.com", "notexample.com", False),
        ("wildcard", "*.example.com", "www.example.com", True), ("wildcard-case", "*.EXAMPLE.com", "www.example.com", True),
        ("wildcard-bare", "*.example.com", "example.com", False), ("wildcard-two", "*.example.com", "a.b.example.com", False),
        ("wildcard-top", "*.com", "example.com", False), ("wildcard-all", "*", "localhost", False),
        ("wildcard-all-2", "*", "example.com", False), ("wildcard-inner", "www.*.example.com", "www.a.example.com", False),
        ("wildcard-part", "w*.example.com", "www.example.com", False), ("wildcard-part-2", "*w.example.com", "www.example.com", False),
        ("wildcard-twice", "*.*.example.com", "a.b.example.com", False),
        ("wildcard-idn", "xn--*-1b3c148a.example.com", "xn--bliss-1b3c148a.example.com", False),
        ("wildcard-star", "*.example.com", "*.example.com", False),
        ("idn", "xn--bcher-kva.example", "xn--bcher-kva.example", True), ("idn-raw", "bücher.example", "xn--bcher-kva.example", False),
        ("trailing-dot", "example.com.", "example.com", False), ("trailing-dot-host", "example.com", "example.com.", True),
        ("underscore", "a_b.example.com", "a_b.example.com", True), ("nul", "example.com\x00.evil.example", "example.com", False),
        ("space", " example.com", "example.com", False), ("empty", "", "example.com", False),
        ("leading-dot", ".example.com", "www.example.com", False), ("label-empty", "a..example.com", "a..example.com", False),
        ("address", "192.0.2.1", "192.0.2.1", True), ("address-other", "192.0.2.1", "192.0.2.2", False),
        ("address6", "2001:db8::1", "2001:db8::1", True), ("address6-other", "2001:db8::1", "2001:db8::2", False),
        ("address-for-name", "192.0.2.1", "example.com", False),
    ]:
        simple(f"san::{identifier}", good, host=host, san=names(presented))
    simple("san::address-as-dns", False, host="192.0.2.1", san=(x509.SubjectAlternativeName([dns("192.0.2.1")]), False))
    simple("san::address-as-common-name", False, host="192.0.2.1", name="192.0.2.1", san=None)
    simple("san::address-wildcard", False, host="192.0.2.1", san=(x509.SubjectAlternativeName([dns("*.0.2.1")]), False))
    simple("san::uri", False, host="example.com", san=names("https://example.com/"))
    simple("san::second", True, host="example.com", san=names("other.example", "192.0.2.1", "example.com"))
    simple("san::malformed", False, san=None, extra=[(x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.17"), b"\x30\x05\x82\x07abc"), False)])
    simple("san::no-names", False, san=None, extra=[(x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.17"), b"\x30\x00"), False)])


def name_constraints():
    def bound(identifier, good, constraint, presented="example.com", host="example.com", description="", **options):
        san = presented if isinstance(presented, tuple) else names(*presented.split())
        chained(f"constraints::{identifier}", good, description, host, extra=[constraint], leaf_options={"san": san, **options})

    com = [dns("example.com")]
    bound("dns-permitted", True, within(com))
    bound("dns-permitted-below", True, within(com), "a.b.example.com", "a.b.example.com")
    bound("dns-permitted-other", False, within([dns("example.org")]))
    bound("dns-permitted-suffix-only", False, within(com), "badexample.com", "badexample.com")
    bound("dns-permitted-one-of-two-names", False, within(com), "example.com example.org")
    bound("dns-permitted-case", True, within([dns("EXAMPLE.com")]))
    bound("dns-excluded", False, within(None, com))
    bound("dns-excluded-below", False, within(None, com), "a.example.com", "a.example.com")
    bound("dns-excluded-other", True, within(None, [dns("example.org")]))
    bound("dns-excluded-case", False, within(None, [dns("EXAMPLE.COM")]))
    bound("dns-excluded-beats-permitted", False, within(com, [dns("a.example.com")]), "a.example.com", "a.example.com")
    bound("dns-not-critical", False, within([dns("example.org")], critical=False))
    bound("dns-wildcard-permitted", True, within(com), "*.example.com", "a.example.com")
    bound("dns-wildcard-excluded", False, within(None, [dns("a.example.com")]), "*.example.com", "b.example.com")
    bound("dns-says-nothing-of-addresses", True, within(com), "192.0.2.1", "192.0.2.1")
    bound("dns-leading-dot", True, within([dns(".example.com")]), "a.example.com", "a.example.com")
    bound("dns-empty-permits-all", True, within([dns("")]))
    bound("dns-empty-excludes-all", False, within(None, [dns("")]))
    bound("dns-leading-dot-in-a-name", False, within(com), ".example.com a.example.com", "a.example.com")
    bound("ip-permitted", True, within([network("192.0.2.0/24")]), "192.0.2.1", "192.0.2.1")
    bound("ip-permitted-other", False, within([network("192.0.3.0/24")]), "192.0.2.1", "192.0.2.1")
    bound("ip-excluded", False, within(None, [network("192.0.2.0/24")]), "192.0.2.1", "192.0.2.1")
    bound("ip-excluded-other", True, within(None, [network("192.0.3.0/24")]), "192.0.2.1", "192.0.2.1")
    bound("ip6-permitted", True, within([network("2001:db8::/32")]), "2001:db8::1", "2001:db8::1")
    bound("ip6-permitted-other", False, within([network("2001:db9::/32")]), "2001:db8::1", "2001:db8::1")
    bound("ip-kinds-differ", False, within([network("192.0.2.0/24")]), "2001:db8::1", "2001:db8::1")
    both = within([network("192.0.2.0/24"), dns("example.com")])
    bound("ip-and-dns", True, both, "192.0.2.1 example.com")
    bound("ip-and-dns-other", False, both, "192.0.2.1 example.com example.org")
    bound("ip-and-dns-other-first", False, both, "example.org 192.0.2.1 example.com")
    bound("ip-other-behind-dns", False, both, "example.com 192.0.3.1")
    bound("ip-and-dns-below", True, both, "192.0.2.1 a.example.com", "a.example.com")
    bound("ip-and-dns-suffix-only", False, both, "192.0.2.1 badexample.com", "badexample.com")
    apart = within(None, [network("192.0.3.0/24"), dns("a.example.com")])
    bound("ip-and-dns-excluded", True, apart, "192.0.2.1 example.com")
    bound("ip-and-dns-excluded-name", False, apart, "192.0.2.1 a.example.com", "a.example.com")
    bound("ip-and-dns-excluded-wildcard", False, apart, "192.0.2.1 *.example.com", "b.example.com")
    bound("ip-excluded-beats-permitted", False, within([network("192.0.2.0/24")], [network("192.0.2.1/32")]), "192.0.2.1", "192.0.2.1")
    bound("ip-one-of-two-networks", True, within([network("192.0.3.0/24"), network("192.0.2.0/24")]), "192.0.2.1", "192.0.2.1")
    bound("ip-of-all", True, within([network("0.0.0.0/0")]), "192.0.2.1", "192.0.2.1")
    bound("ip-beside-uri", False, within([network("192.0.2.0/24"), x509.UniformResourceIdentifier("example.com")]), "192.0.2.1 https://example.com/a", "192.0.2.1")
    strange = x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.30"), bytes.fromhex("300ea00c300a8708c0000200ff00ff00"))
    bound("ip-mask-with-holes", False, (strange, True), "192.0.2.1", "192.0.2.1")
    empty = x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.30"), bytes.fromhex("3000"))
    bound("empty", True, (empty, True), description="RFC 5280 has authorities not write such; it says nothing.")
    simple("constraints::ip-of-the-root", False, host="192.0.2.1", san=names("192.0.2.1"), root_options={"extra": [within([network("192.0.3.0/24")])]})
    bound("email-permitted", True, within([x509.RFC822Name("example.com")]), "ann@example.com example.com")
    bound("email-permitted-other", False, within([x509.RFC822Name("example.org")]), "ann@example.com example.com")
    bound("email-excluded", False, within(None, [x509.RFC822Name("example.com")]), "ann@example.com example.com")
    bound("uri-permitted", True, within([x509.UniformResourceIdentifier("example.com")]), "https://example.com/a example.com")
    bound("uri-permitted-other", False, within([x509.UniformResourceIdentifier("example.org")]), "https://example.com/a example.com")
    bound("uri-excluded", False, within(None, [x509.UniformResourceIdentifier("example.com")]), "https://example.com/a example.com")
    organisation = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example")])
    inside = x509.Name([*organisation, x509.NameAttribute(NameOID.COMMON_NAME, "a leaf")])
    directory = [x509.DirectoryName(organisation)]
    bound("directory-permitted", True, within(directory), name=inside)
    bound("directory-permitted-other", False, within(directory), name="a leaf")
    bound("directory-excluded", False, within(None, directory), name=inside)
    bound("directory-excluded-other", True, within(None, directory), name="a leaf")
    simple("constraints::of-the-root", False, "Those of what is trusted hold as well.", root_options={"extra": [within([dns("example.org")])]})
    simple("constraints::of-the-root-kept", True, root_options={"extra": [within(com)]})
    top = root()
    one = between(top, extra=[within(com)])
    two = between(one, extra=[within([dns("example.org")])])
    for host in ["example.com", "example.org"]:
        case(f"constraints::cannot-grow-{host}", False, leaf(two, san=names(host)), [top], [one, two], host=host)
    simple("constraints::common-name-not-looked-at", True, name="example.org", root_options={"extra": [within(com)]})
    # As many constraints times names as would keep a processor busy.
    many = [dns(f"a{number}.example") for number in range(2048)]
    chained("constraints::too-many", False, extra=[within(many)], leaf_options={"san": names(*[f"a{number}.example" for number in range(2048)])}, host="a1.example")
    simple("constraints::in-a-leaf", False, "RFC 5280 has them in authorities' certificates only.", extra=[within(com)])


def paths():
    top, other = root(), root()
    key = ec.generate_private_key(ec.SECP256R1())
    name = "twin"
    twin, stale = between(top, name=name, key=key), between(top, name=name, key=key, start=-90 * DAY, end=-DAY)
    end = leaf(twin)
    for identifier, sent in [("expired-twin-first", [stale, twin]), ("expired-twin-last", [twin, stale])]:
        case(f"paths::{identifier}", True, end, [top], sent)
    case("paths::only-the-expired-twin", False, end, [top], [stale])
    cross = between(other, name=name, key=key)
    case("paths::cross-signed", True, end, [top], [cross, twin])
    case("paths::cross-signed-other-trusted", True, end, [other], [twin, cross])
    case("paths::cross-signed-untrusted", False, end, [root()], [twin, cross])
    # Two authorities that sign each other.
    first_key, second_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    first, second = Made(ca=True, name="first", key=first_key), Made(ca=True, name="second", key=second_key)
    circle = [Made(second, ca=True, name="first", key=first_key), Made(first, ca=True, name="second", key=second_key)]
    case("paths::circle", False, leaf(first), [top], circle)
    case("paths::circle-with-a-way-out", True, leaf(first), [top], [*circle, Made(top, ca=True, name="first", key=first_key)])
    renewed_key = ec.generate_private_key(ec.SECP256R1())
    old = root(name="renewed", key=renewed_key, start=-90 * DAY, end=-DAY)
    new = root(name="renewed", key=renewed_key)
    case("paths::renewed-root", True, leaf(new), [old, new])
    case("paths::renewed-root-reversed", True, leaf(new), [new, old])
    chain = [between(top)]
    for _ in range(7):
        chain.append(between(chain[-1]))
    case("paths::long", True, leaf(chain[-1]), [top], chain)
    case("paths::longer-than-allowed", False, leaf(chain[-1]), [top], chain, depth=4)
    # Of two certificates of one authority, one has a name that is excluded above it.
    upper = between(top, extra=[within(None, [dns("forbidden.example")])])
    named = between(upper, name="named", key=key, san=names("forbidden.example"))
    unnamed = between(upper, name="named", key=key)
    apart = between(other, name="named", key=key, san=names("elsewhere.example"))
    end = leaf(named)
    case("paths::excluded-authority", False, end, [top], [upper, named])
    case("paths::excluded-authority-and-twin", True, end, [top], [upper, named, unnamed])
    case("paths::excluded-authority-other-root", True, end, [top, other], [upper, named, apart])
    held = root(name="self", extra=[within([dns("example.com")])], san=names("self.example"))
    renewed = between(held, name="self", san=names("self.example"))
    case("paths::self-issued-is-not-constrained", True, leaf(renewed), [held], [renewed])
    case("paths::self-issued-leaf-is", False, leaf(renewed, name="self", san=names("self.example")), [held], [renewed], host="self.example")
    narrow = between(top, name="narrow", key=key, pathlen=0, extra=[within([dns("example.org")])])
    wide = between(top, name="narrow", key=key)
    case("paths::constrained-twin", True, leaf(wide), [top], [narrow, wide])


def lists():
    top = root()
    middle = between(top)
    good, bad = leaf(middle), leaf(middle)
    of_top = revocations(top)
    case("crl::not-listed", True, good, [top], [middle], lists=[of_top, revocations(middle, bad)])
    case("crl::listed", False, bad, [top], [middle], lists=[of_top, revocations(middle, bad)])
    case("crl::intermediate-listed", False, good, [top], [middle], lists=[revocations(top, middle), revocations(middle)])
    case("crl::missing-of-leaf", False, good, [top], [middle], lists=[of_top])
    case("crl::expired", False, good, [top], [middle], lists=[of_top, revocations(middle, start=-30 * DAY, end=-DAY)])
    case("crl::not-yet", False, good, [top], [middle], lists=[of_top, revocations(middle, start=DAY)])
    other = ec.generate_private_key(ec.SECP256R1())
    case("crl::signed-by-another", False, good, [top], [middle], lists=[of_top, revocations(middle, key=other)])
    case("crl::unknown-critical", False, good, [top], [middle], lists=[of_top, revocations(middle, extra=[(UNKNOWN, True)])])
    case("crl::numbered", True, good, [top], [middle], lists=[of_top, revocations(middle, extra=[(x509.CRLNumber(7), False)])])
    mute = between(top, key_usage=usage("key_cert_sign"))
    case("crl::without-the-right", False, leaf(mute), [top], [mute], lists=[of_top, revocations(mute)])


def main():
    for part in [basics, validity, constraints_and_usages, hosts, name_constraints, paths, lists]:
        part()
    identifiers = [one["id"] for one in CASES]
    assert len(identifiers) == len(set(identifiers)), "an id is there twice"
    with open(os.path.join(HERE, "paths.json"), "w") as file:
        json.dump({"version": 1, "testcases": CASES}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
