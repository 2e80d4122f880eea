"""The library service of Tests/Fixtures/transcoding for the checks of translations: its code, its descriptor set, and a
server of gRPC that says what the caller wants to hear. Needs PACKAGES."""

import os
import re
import sys
import threading
from concurrent import futures

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIXTURES = os.path.join(ROOT, "Tests", "Fixtures", "transcoding")
PACKAGES = ["grpcio<2", "grpcio-tools<2", "grpcio-reflection<2", "googleapis-common-protos<2"]
MODULES = ["google.api.annotations_pb2", "grpc_reflection.v1alpha", "grpc_tools"]
SERVICE = "sluice.library.Library"


def compile_library(source, *output):
    import google.api
    import grpc_tools
    from grpc_tools import protoc

    common = os.path.dirname(os.path.dirname(list(google.api.__path__)[0]))
    well_known = os.path.join(os.path.dirname(grpc_tools.__file__), "_proto")
    if protoc.main(["protoc", "-I" + source, "-I" + common, "-I" + well_known, *output, "library.proto"]):
        raise SystemExit("protoc does not compile library.proto")


def without_response_body(folder):
    """The descriptor set for who does not know `response_body`, as Envoy."""
    source = os.path.join(folder, "plain")
    os.makedirs(source)
    with open(os.path.join(FIXTURES, "library.proto")) as file:
        text = re.sub(r"\n *response_body: .*", "", file.read())
    with open(os.path.join(source, "library.proto"), "w") as file:
        file.write(text)
    path = os.path.join(source, "library.pb")
    compile_library(source, "--include_imports", "--descriptor_set_out=" + path)
    return path


def generate(folder):
    """The descriptor set, and the modules of the service's messages and stubs."""
    path = os.path.join(folder, "library.pb")
    compile_library(FIXTURES, f"--python_out={folder}", f"--grpc_python_out={folder}")
    compile_library(FIXTURES, "--include_imports", "--descriptor_set_out=" + path)
    sys.path.insert(0, folder)
    import library_pb2
    import library_pb2_grpc

    return path, library_pb2, library_pb2_grpc


def start_parrot(kinds):
    """A server that answers each call with the messages of its metadata `x-answer-bin`, bytes as they are, or echoes.

    `kinds` tells of each method whether it streams its requests and its answers. Further metadata: `x-sleep` are seconds
    of silence, `x-code` and `x-message` are how the call ends. Returns the server and its port; `seen` of the server are
    metadata and requests of each call, `cancelled` is how many were cancelled.
    """
    import grpc

    seen, cancelled = [], []

    def answers(requests, context):
        sent = {}
        for name, value in context.invocation_metadata():
            sent.setdefault(name, []).append(value)
        seen.append((dict(context.invocation_metadata()), requests))
        if "x-sleep" in sent:
            gone = threading.Event()
            context.add_callback(gone.set)
            if gone.wait(float(sent["x-sleep"][0])):
                cancelled.append(1)
                return
        context.send_initial_metadata([(name, one) for name in ["x-echo-bin"] for one in sent.get(name, [])])
        context.set_trailing_metadata([("x-last-bin", one) for name in ["x-echo-bin"] for one in sent.get(name, [])])
        yield from sent.get("x-answer-bin", requests)
        if code := int(sent.get("x-code", ["0"])[0]):
            context.abort(next(one for one in grpc.StatusCode if one.value[0] == code), sent.get("x-message", [""])[0])

    def handler(up, down):
        def many(request, context):
            yield from answers(list(request) if up else [request], context)

        def one(request, context):
            last = b""
            for last in many(request, context):
                pass
            return last

        names = {(False, False): "unary_unary", (False, True): "unary_stream", (True, False): "stream_unary", (True, True): "stream_stream"}
        return getattr(grpc, names[up, down] + "_rpc_method_handler")(many if down else one)

    handlers = {name: handler(*kind) for name, kind in kinds.items()}
    options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=50), options=options)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.seen, server.cancelled = seen, cancelled
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def kinds(pb):
    """The service's methods: whether they stream their requests and their answers."""
    methods = pb.DESCRIPTOR.services_by_name["Library"].methods
    return {one.name: (one.client_streaming, one.server_streaming) for one in methods}
