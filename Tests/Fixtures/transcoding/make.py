#!/usr/bin/env python3
"""Makes the descriptor sets and the golden vectors of the transcoding tests with protobuf's own implementation.

Needs grpcio-tools and googleapis-common-protos. Run without arguments; it writes into its own folder:

  all.pb          the descriptor set of all .proto files here, with imports
  bare.pb         that of library.proto without its imports, which is a mistake to be found
  parse.jsonl     texts, and the messages that google.protobuf.json_format makes of them, or none where it refuses
  print.jsonl     messages, and the texts that it prints for them under each option
"""

import glob
import json
import os
import random
import re
import struct

import google.api.annotations_pb2  # noqa: F401, so that the options are known
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc
import google.api
import grpc_tools

HERE = os.path.dirname(os.path.abspath(__file__))
COMMON = os.path.dirname(os.path.dirname(list(google.api.__path__)[0]))
WELL_KNOWN = os.path.join(os.path.dirname(grpc_tools.__file__), "_proto")


def compile_set(name, files, *flags):
    path = os.path.join(HERE, name)
    arguments = ["protoc", "-I" + HERE, "-I" + COMMON, "-I" + WELL_KNOWN, "--descriptor_set_out=" + path]
    status = protoc.main(arguments + list(flags) + files)
    assert status == 0, status
    with open(path, "rb") as file:
        return file.read()


def messages(data):
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
        pool.Add(file)
    return pool


TEXTS = os.path.join(HERE, "texts.txt")


def read_texts():
    """Lines of texts.txt: a type in brackets begins a section, every other line is one JSON text of that type."""
    kind = None
    with open(TEXTS, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line.startswith("#") or not line:
                continue
            if re.fullmatch(r"\[[a-z]+(\.\w+)+\]", line):
                kind = line.strip("[]")
            else:
                yield kind, line


def binary(message):
    return message.SerializePartialToString(deterministic=True).hex()


def parse(pool, kind, text, ignore):
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName(kind))()
    try:
        json_format.Parse(text, message, ignore_unknown_fields=ignore, descriptor_pool=pool)
    except (json_format.ParseError, ValueError, OverflowError, TypeError, AttributeError, KeyError, RecursionError):
        return None
    return message


def write_parse(pool):
    kept = []
    with open(os.path.join(HERE, "parse.jsonl"), "w", encoding="utf-8") as out:
        for kind, text in read_texts():
            strict, lax = parse(pool, kind, text, False), parse(pool, kind, text, True)
            line = {
                "type": kind,
                "text": text,
                "strict": None if strict is None else binary(strict),
                "ignoring": None if lax is None else binary(lax),
            }
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            if strict is not None:
                kept.append(strict)
    return kept


OPTIONS = {
    "plain": {},
    "always": {"always_print_fields_with_no_presence": True},
    "ints": {"use_integers_for_enums": True},
    "proto": {"preserving_proto_field_name": True},
}


def printed(message, pool):
    line = {"type": message.DESCRIPTOR.full_name, "binary": binary(message)}
    for name, options in OPTIONS.items():
        try:
            value = json_format.MessageToDict(message, descriptor_pool=pool, **options)
            line[name] = json.dumps(value, ensure_ascii=False)
        except (json_format.SerializeToJsonError, ValueError, TypeError, RecursionError):
            line[name] = None
    # The specification has null for a NullValue whatever the options are; json_format has a number here.
    if any(part in (line["plain"] or "") for part in ('"nothing"', '"nullValue"')):
        del line["ints"]
    return line


class Maker:
    """Random messages of any type: few fields each, odd values often."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def message(self, target, depth=0):
        descriptor = target.DESCRIPTOR
        special = getattr(self, "fill_" + descriptor.name.lower(), None)
        if descriptor.file.package == "google.protobuf" and special:
            return special(target, depth)
        fields = [f for f in descriptor.fields if depth < 4 or f.message_type is None]
        for field in self.random.sample(fields, min(len(fields), self.random.randint(0, 6))):
            self.field(target, field, depth)
        return target

    def field(self, target, field, depth):
        repeated = field.is_repeated
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return self.map(target, field, depth)
        if repeated:
            values = getattr(target, field.name)
            for _ in range(self.random.randint(0, 3)):
                if field.message_type is not None:
                    self.message(values.add(), depth + 1)
                else:
                    values.append(self.scalar(field))
        elif field.message_type is not None:
            part = getattr(target, field.name)
            part.SetInParent()
            self.message(part, depth + 1)
        else:
            setattr(target, field.name, self.scalar(field))

    def map(self, target, field, depth):
        key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
        values = getattr(target, field.name)
        for _ in range(self.random.randint(0, 3)):
            if value.message_type is not None:
                self.message(values[self.scalar(key)], depth + 1)
            else:
                values[self.scalar(key)] = self.scalar(value)

    def text(self):
        return self.random.choice(
            ["", "a", "caf\u00e9", "\U0001f600", "\"quoted\"", "back\\slash", "a\nb\tc\u0000", "</script>", "x" * 40])

    def integer(self, bits, signed):
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        return self.random.choice([0, 1, low, high, self.random.randint(low, high), self.random.randint(0, 300)])

    def scalar(self, field):
        kind = field.type
        if kind in (field.TYPE_DOUBLE, field.TYPE_FLOAT):
            value = self.random.choice(
                [0.0, -0.0, 1.0, 0.1, -2.5, 1e22, 1e-7, 123456789.125, float("inf"), float("-inf"), float("nan"),
                 self.random.uniform(-1e6, 1e6), 3.4028234663852886e38])
            return struct.unpack("f", struct.pack("f", value))[0] if kind == field.TYPE_FLOAT else value
        if kind == field.TYPE_BOOL:
            return self.random.random() < 0.5
        if kind == field.TYPE_STRING:
            return self.text()
        if kind == field.TYPE_BYTES:
            return bytes(self.random.randrange(256) for _ in range(self.random.randint(0, 7)))
        if kind == field.TYPE_ENUM:
            values = [v.number for v in field.enum_type.values]
            if field.enum_type.name == "NullValue":
                return 0
            return self.random.choice(values if field.enum_type.is_closed else values + [77, -5])
        bits = 64 if "64" in kind_name(field) else 32
        return self.integer(bits, "uint" not in kind_name(field) and kind_name(field) not in ("fixed32", "fixed64"))

    def fill_timestamp(self, target, _):
        target.seconds = self.random.choice([0, 1, -1, -62135596800, 253402300799, self.random.randint(-10**10, 10**11)])
        target.nanos = self.random.choice([0, 1, 1000, 21000000, 999999999])

    def fill_duration(self, target, _):
        sign = self.random.choice([1, -1])
        target.seconds = sign * self.random.choice([0, 1, 3600, 315576000000])
        limit = abs(target.seconds) == 315576000000
        target.nanos = 0 if limit else sign * self.random.choice([0, 1, 1000, 500000000, 999999999])

    def fill_fieldmask(self, target, _):
        target.paths.extend(self.random.sample(["a", "a.b", "foo_bar", "foo_bar.baz_qux", "x1"], self.random.randint(0, 3)))

    def fill_struct(self, target, depth):
        for _ in range(self.random.randint(0, 3)):
            self.fill_value(target.fields[self.text()], depth + 1)

    def fill_listvalue(self, target, depth):
        for _ in range(self.random.randint(0, 3)):
            self.fill_value(target.values.add(), depth + 1)

    def fill_value(self, target, depth):
        kind = self.random.randint(0, 5 if depth < 5 else 3)
        if kind == 0:
            target.null_value = 0
        elif kind == 1:
            target.number_value = self.random.choice([0.0, -1.5, 1e300, 12345678901.0])
        elif kind == 2:
            target.string_value = self.text()
        elif kind == 3:
            target.bool_value = True
        elif kind == 4:
            target.struct_value.SetInParent()
            self.fill_struct(target.struct_value, depth + 1)
        else:
            target.list_value.SetInParent()
            self.fill_listvalue(target.list_value, depth + 1)

    def fill_any(self, target, depth):
        if depth > 3 or self.random.random() < 0.2:
            return
        name = self.random.choice([
            "sluice.test.Scalars", "sluice.test.Kitchen", "sluice.legacy.Old", "google.protobuf.Duration",
            "google.protobuf.Int64Value", "google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.Any",
            "google.protobuf.Empty", "google.protobuf.FieldMask", "google.protobuf.StringValue"])
        inner = message_factory.GetMessageClass(POOL.FindMessageTypeByName(name))()
        self.message(inner, depth + 1)
        target.type_url = "type.googleapis.com/" + name
        target.value = inner.SerializePartialToString(deterministic=True)


KINDS = {value: name[5:].lower() for name, value in descriptor_pb2.FieldDescriptorProto.Type.items()}


def kind_name(field):
    return KINDS[field.type]


def write_print(pool, kept):
    maker = Maker(20261123)
    kinds = ["sluice.test.Scalars", "sluice.test.Kitchen", "sluice.legacy.Old", "sluice.modern.New"]
    made = []
    for number in range(200):
        name = kinds[number % len(kinds)]
        made.append(maker.message(message_factory.GetMessageClass(pool.FindMessageTypeByName(name))()))
    with open(os.path.join(HERE, "print.jsonl"), "w", encoding="utf-8") as out:
        for message in kept + made:
            out.write(json.dumps(printed(message, pool), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    names = sorted(os.path.basename(p) for p in glob.glob(os.path.join(HERE, "*.proto")))
    POOL = messages(compile_set("all.pb", names, "--include_imports"))
    compile_set("bare.pb", ["library.proto"])
    write_print(POOL, write_parse(POOL))
