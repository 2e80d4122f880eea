"""The cases of X.509 path validation of Tests/Fixtures/tls/make.py, in real handshakes: for each a server of TLS that shows
its certificates, and in Sluice and Envoy an upstream that trusts its authorities and asks for its name.

The cases are made anew, with keys, and around the time of the run. Needs `cryptography`.
"""

import datetime
import http.client
import importlib.util
import ipaddress
import json
import os
import re
import socket
import ssl
import subprocess
import threading

import peers

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
UPSTREAM_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


# Nobody can keep to the very second; TLS itself refuses a key that may not sign; a name that nobody can be configured to ask for.
LEFT_OUT = {"validity::ends-in-1": "at the very second", "validity::began--1-ago": "at the very second",
            "usage::leaf-no-signature": "refused by TLS whatever the path", "san::trailing-dot-host": "names that cannot be configured"}


def cases():
    """Cases of servers with the key of each: (case, key in PEM); and the numbers of those that are left out, by reason."""
    from cryptography.hazmat.primitives import serialization

    path = os.path.join(ROOT, "Tests", "Fixtures", "tls", "make.py")
    spec = importlib.util.spec_from_file_location("make_paths", path)
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    make.NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    keys, made = {}, make.case

    def keep(identifier, good, peer, *rest, **options):
        made(identifier, good, peer, *rest, **options)
        form = serialization.PrivateFormat.PKCS8
        keys[identifier] = peer.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()

    make.case = keep
    for part in [make.basics, make.validity, make.constraints_and_usages, make.hosts, make.name_constraints, make.paths, make.lists]:
        part()
    found, left = [], {}
    for one in make.CASES:
        name = one["expected_peer_name"]
        reason = LEFT_OUT.get(one["id"]) or ("certificates of clients" if one["validation_kind"] != "SERVER" else "without a name" if not name
                  else "addresses for names" if is_address(name["value"]) else "nothing is trusted" if not one["trusted_certs"] else None)
        if reason:
            left[reason] = left.get(reason, 0) + 1
        else:
            found.append((one, keys[one["id"]]))
    return found, left


def is_address(text):
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


class Server:
    """Shows the certificates of a case to whoever comes; None as a port where Python's TLS cannot show them."""

    def __init__(self, folder, number, case, key):
        self.port = None
        path = peers.write(folder, f"chain-{number}.pem", case["peer_certificate"] + "".join(case["untrusted_intermediates"]) + key)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            self.context.set_ciphers("ALL:@SECLEVEL=0")
            self.context.load_cert_chain(path)
        except ssl.SSLError:
            return
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection = self.socket.accept()[0]
            connection.settimeout(5)
            try:
                with self.context.wrap_socket(connection, server_side=True) as secure:
                    while secure.recv(65536):
                        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                        break
            except OSError:
                connection.close()


# MARK: Sluice


def sluice_config(port, served):
    upstreams, routes = [], []
    for number, (case, server) in served.items():
        tls = {"ca": "\n".join(case["trusted_certs"]), "server_name": case["expected_peer_name"]["value"]}
        if case["crls"]:
            tls["crl"] = "\n".join(case["crls"])
        if case["max_chain_depth"] is not None:
            tls["depth"] = case["max_chain_depth"]
        upstreams.append(f"  u{number}: " + json.dumps({"endpoints": [f"127.0.0.1:{server.port}"], "tls": tls}))
        routes.append("  - " + json.dumps({"name": f"r{number}", "match": {"path": f"/{number}"}, "upstream": f"u{number}", "timeout": "5s"}))
    listener = f'listeners: [{{name: main, address: "127.0.0.1:{port}"}}]\n'
    return "version: 1\n" + listener + "upstreams:\n" + "\n".join(upstreams) + "\nroutes:\n" + "\n".join(routes) + "\n"


def start_sluice(binary, folder, port, served):
    """The gateway, and the cases whose authorities or names the configuration refuses, which is an answer too."""
    served, refused = dict(served), {}
    for _ in range(20):
        path = peers.write(folder, "paths.yaml", sluice_config(port, served))
        done = subprocess.run([binary, "check", "-c", path, "--format", "json"], capture_output=True, text=True)
        if done.returncode == 0:
            break
        with open(path) as file:
            lines = file.read().splitlines()
        bad = set()
        for one in re.findall(r'"line"\s*:\s*(\d+)', done.stdout):
            found = re.match(r"  u(\d+): ", lines[int(one) - 1])
            if found and '"error"' in done.stdout:
                bad.add(int(found[1]))
        if not bad:
            raise SystemExit(f"compare_paths: {done.stdout[:2000]}{done.stderr[:2000]}")
        for number in bad:
            refused[number] = "refused when configured"
            del served[number]
    return peers.start_sluice(binary, folder, sluice_config(port, served), [port], "paths-sluice"), refused


# MARK: Envoy


def start_envoy(folder, port, served):
    """Clusters come from a file, so that one that is refused leaves the others."""
    clusters, routes = [], []
    for number, (case, server) in served.items():
        name = case["expected_peer_name"]["value"]
        context = {"trusted_ca": {"inline_string": "\n".join(case["trusted_certs"])},
                   "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": name}}]}
        if case["crls"]:
            context["crl"] = {"inline_string": "\n".join(case["crls"])}
        if case["max_chain_depth"] is not None:
            context["max_verify_depth"] = case["max_chain_depth"]
        socket_config = {"@type": UPSTREAM_TLS, "sni": name if re.fullmatch(r"[A-Za-z0-9.-]+", name) else "x.example",
                         "common_tls_context": {"validation_context": context}}
        address = {"socket_address": {"address": "127.0.0.1", "port_value": server.port}}
        clusters.append({
            "@type": CLUSTER, "name": f"u{number}", "type": "STATIC", "connect_timeout": "5s",
            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": socket_config},
            "load_assignment": {"cluster_name": f"u{number}", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]},
        })
        routes.append(f"- {{match: {{path: /{number}}}, route: {{cluster: u{number}, timeout: 5s}}}}")
    path = peers.write(folder, "clusters.json", json.dumps({"version_info": "1", "resources": clusters}))
    listener = peers.envoy_listener(port, "\n".join(routes), options="").replace(
        "route_config:", "route_config:\n              validate_clusters: false")
    text = "node: {id: a, cluster: a}\n" + peers.envoy_config([listener], [])
    text += f"dynamic_resources:\n  cds_config: {{resource_api_version: V3, path_config_source: {{path: {path}}}}}\n"
    return peers.start_envoy(folder, text, [port], "paths")


# MARK: Run


def ask(port, number):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", f"/{number}")
        return "accepted" if connection.getresponse().status == 200 else "refused"
    except (OSError, http.client.HTTPException) as problem:
        return repr(problem)
    finally:
        connection.close()


def run(binary, folder):
    """Rows as in compare_http2, and what was left out."""
    found, left = cases()
    served = {}
    for number, (case, key) in enumerate(found):
        server = Server(folder, number, case, key)
        if server.port is None:
            left["certificates that OpenSSL cannot show"] = left.get("certificates that OpenSSL cannot show", 0) + 1
        else:
            served[number] = (case, server)
    ports, results = peers.free_ports(2), []
    gateway, refused = start_sluice(binary, folder, ports[0], served)
    results.append({number: refused.get(number) or ask(ports[0], number) for number in served})
    gateway.end()
    envoy = start_envoy(folder, ports[1], served)
    results.append({number: ask(ports[1], number) for number in served})
    envoy.end()
    rows = []
    for number, (case, _) in served.items():
        good = case["expected_result"] == "SUCCESS"
        kind, name = case["id"].split("::", 1)
        wanted = {"accepted"} if good else {"refused", "refused when configured"}
        rows.append((f"X.509, {kind}", name, *(peers.verdict((kind, name, one[number], wanted)) for one in results)))
    return rows, left
