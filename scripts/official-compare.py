"""Compare our printer and parser with the official ones.

Prints every model of a corpus with our printer, parses the text with
onnx.parser and with our parser, and compares both results with the model; then
prints it with onnx.printer, and compares the two parsers' results. Comparison is
field by field, over what the text shows (docs/onnx-text.md). Without FOLDER the
corpus is ONNX's own test cases and ../shared/models. Needs onnx >= 1.23.

usage: python scripts/official-compare.py [FOLDER...]
"""

import importlib
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnx.parser
import onnx.printer

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMENT = "# Beyond the official ONNX grammar: "


def tensor_key(tensor, own):
    """Name, type, shape and bytes of a tensor, wherever its data is."""
    data = None
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        entries = {e.key: e.value for e in tensor.external_data}
        location = entries.get("location", "")
        if location.endswith("#TensorProto") and location[: -len("#TensorProto")] == own.name:
            offset, length = int(entries["offset"]), int(entries["length"])
            other = onnx.TensorProto()
            other.ParseFromString(own.read_bytes()[offset : offset + length])
            return tensor_key(other, own)
        if location == own.name and "offset" in entries and "length" in entries:
            offset, length = int(entries["offset"]), int(entries["length"])
            data = own.read_bytes()[offset : offset + length]
        else:
            data = sorted(entries.items())
    elif tensor.HasField("raw_data"):
        data = tensor.raw_data
    elif tensor.data_type == onnx.TensorProto.STRING:
        data = list(tensor.string_data)
    elif tensor.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.COMPLEX64):
        data = np.array(tensor.float_data, np.float32).tobytes()
    elif tensor.data_type in (onnx.TensorProto.DOUBLE, onnx.TensorProto.COMPLEX128):
        data = np.array(tensor.double_data, np.float64).tobytes()
    elif tensor.data_type == onnx.TensorProto.INT64:
        data = np.array(tensor.int64_data, np.int64).tobytes()
    elif tensor.data_type in (onnx.TensorProto.UINT32, onnx.TensorProto.UINT64):
        wide = np.array(tensor.uint64_data, np.uint64)
        data = wide.astype(np.uint32 if tensor.data_type == onnx.TensorProto.UINT32 else np.uint64).tobytes()
    elif tensor.data_type != onnx.TensorProto.UNDEFINED:
        one_byte = {2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 10: np.uint16, 16: np.uint16}
        data = np.array(tensor.int32_data, np.int64).astype(one_byte.get(tensor.data_type, np.uint8)).tobytes()
    if not data:
        data = b""
    is_raw = tensor.HasField("raw_data") or tensor.data_location == onnx.TensorProto.EXTERNAL
    data = canonical(tensor.data_type, data, is_raw, int(np.prod(tensor.dims)))
    return (tensor.name, tensor.data_type, tuple(tensor.dims), data)


def sparse_key(tensor, own):
    return (tensor_key(tensor.values, own), tensor_key(tensor.indices, own), tuple(tensor.dims))


def canonical(data_type, data, is_raw=False, count=0):
    """NaN payloads aren't said in the text."""
    if data_type in (27, 28) and isinstance(data, bytes) and is_raw:
        # float6: four in three bytes, least significant bits first.
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        values = bits[: len(bits) // 6 * 6].reshape(-1, 6)
        return np.packbits(values, axis=1, bitorder="little").tobytes()[:count]
    kinds = {1: np.float32, 14: np.float32, 11: np.float64, 15: np.float64}
    if data_type in kinds and isinstance(data, bytes) and len(data) % np.dtype(kinds[data_type]).itemsize == 0:
        values = np.frombuffer(data, kinds[data_type]).copy()
        values[np.isnan(values)] = np.nan
        return values.tobytes()
    return data


def type_key(proto):
    copy = onnx.TypeProto()
    copy.CopyFrom(proto)
    strip_denotation(copy)
    copy.DiscardUnknownFields()
    return copy.SerializeToString(deterministic=True)


def strip_denotation(proto):
    proto.ClearField("denotation")
    kind = proto.WhichOneof("value")
    if kind in ("tensor_type", "sparse_tensor_type"):
        for dim in getattr(proto, kind).shape.dim if getattr(proto, kind).HasField("shape") else []:
            dim.ClearField("denotation")
    elif kind in ("sequence_type", "optional_type"):
        strip_denotation(getattr(proto, kind).elem_type)
    elif kind == "map_type":
        strip_denotation(proto.map_type.value_type)


def value_key(value):
    return (value.name, type_key(value.type) if value.HasField("type") else None)


def attribute_key(attribute, own, official):
    kind = attribute.type
    A = onnx.AttributeProto
    if attribute.ref_attr_name:
        return (attribute.name, kind, ("@", attribute.ref_attr_name))
    if kind == A.UNDEFINED:
        fields = [f.name for f, _ in attribute.ListFields() if f.name not in ("name", "doc_string", "type")]
        kinds = {"f": A.FLOAT, "i": A.INT, "s": A.STRING, "t": A.TENSOR, "g": A.GRAPH, "tp": A.TYPE_PROTO}
        kinds.update(floats=A.FLOATS, ints=A.INTS, strings=A.STRINGS, tensors=A.TENSORS, graphs=A.GRAPHS)
        kinds.update(type_protos=A.TYPE_PROTOS, sparse_tensor=A.SPARSE_TENSOR, sparse_tensors=A.SPARSE_TENSORS)
        kind = kinds.get(fields[-1], kind) if fields else kind
    if kind == A.FLOAT:
        value = canonical(1, np.float32(attribute.f).tobytes())
    elif kind == A.INT:
        value = attribute.i
    elif kind == A.STRING:
        value = attribute.s
    elif kind == A.TENSOR:
        value = tensor_key(attribute.t, own)
    elif kind == A.GRAPH:
        value = graph_key(attribute.g, own, official)
    elif kind == A.FLOATS:
        value = canonical(1, np.array(attribute.floats, np.float32).tobytes())
    elif kind == A.INTS:
        value = tuple(attribute.ints)
    elif kind == A.STRINGS:
        value = tuple(attribute.strings)
    elif kind == A.TYPE_PROTO:
        value = type_key(attribute.tp)
    elif official:
        # The official parser drops these lists' elements and type.
        return (attribute.name,)
    elif kind == A.TENSORS:
        value = [tensor_key(t, own) for t in attribute.tensors]
    elif kind == A.GRAPHS:
        value = [graph_key(g, own, official) for g in attribute.graphs]
    elif kind == A.TYPE_PROTOS:
        value = [type_key(t) for t in attribute.type_protos]
    elif kind == A.SPARSE_TENSOR:
        value = sparse_key(attribute.sparse_tensor, own)
    elif kind == A.SPARSE_TENSORS:
        value = [sparse_key(t, own) for t in attribute.sparse_tensors]
    else:
        value = None
    return (attribute.name, kind, value)


def node_key(node, own, official):
    attributes = [attribute_key(a, own, official) for a in node.attribute]
    return (node.name, node.domain, node.op_type, node.overload, tuple(node.input), tuple(node.output), attributes)


def graph_key(graph, own, official):
    return (
        graph.name,
        [value_key(v) for v in graph.input],
        [value_key(v) for v in graph.output],
        [value_key(v) for v in graph.value_info],
        [tensor_key(t, own) for t in graph.initializer],
        [sparse_key(t, own) for t in graph.sparse_initializer],
        [node_key(n, own, official) for n in graph.node],
    )


def function_key(fn, own, official):
    return (
        (fn.domain, fn.name, fn.overload, fn.doc_string),
        [(o.domain, o.version) for o in fn.opset_import],
        (tuple(fn.input), tuple(fn.output), tuple(fn.attribute)),
        [attribute_key(a, own, official) for a in fn.attribute_proto],
        [value_key(v) for v in fn.value_info],
        [node_key(n, own, official) for n in fn.node],
    )


def model_key(model, own, official):
    """What the text shows of a model; `official`: less what the official parser drops."""
    return {
        "header": (
            model.ir_version,
            [(o.domain, o.version) for o in model.opset_import],
            (model.producer_name, model.producer_version, model.domain, model.model_version, model.doc_string),
            [(p.key, p.value) for p in model.metadata_props],
        ),
        "graph": graph_key(model.graph, own, official),
        "functions": [function_key(f, own, official) for f in model.functions],
    }


def first_difference(a, b, path=""):
    if type(a) is type(b) and isinstance(a, dict):
        return next((d for k in a if (d := first_difference(a[k], b[k], f"{path}.{k}"))), None)
    if type(a) is type(b) and isinstance(a, (list, tuple)) and len(a) == len(b):
        return next((d for i, (x, y) in enumerate(zip(a, b)) if (d := first_difference(x, y, f"{path}[{i}]"))), None)
    return None if a == b else f"{path}: {str(a)[:80]} ≠ {str(b)[:80]}"


# What the official grammar has no form for: docs/onnx-text.md, "What the official grammar can't say". The phrases are
# those of the comment in our text (src/core/text/extensions.ts).
NAMES = "a name that is no identifier where the grammar has no quotes"
SUBGRAPH = "a subgraph's name that is no identifier or reads as a type"
SPARSE = "a sparse tensor"
TYPE = "a type without its element type, or with an unknown one"
UNDEFINED = "an attribute without a value"
BYTES = "a string with control characters or bytes that are not UTF-8"
EXTERNAL = "external data that says nothing of where it is"
DATA = "data that doesn't agree with the tensor's type"
DOCUMENTED = [NAMES, SUBGRAPH, SPARSE, TYPE, UNDEFINED, BYTES, EXTERNAL, DATA]

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
TYPE_WORDS = {"seq", "map", "optional", "sparse_tensor", "opaque"} | {
    name.lower() for name in onnx.TensorProto.DataType.keys()
}
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def text_of(value):
    """A string field, which is given as bytes where it isn't UTF-8."""
    return value.decode("utf8", "surrogateescape") if isinstance(value, bytes) else value


def is_identifier(name):
    return bool(IDENTIFIER.match(text_of(name)))


def beyond_grammar(model):
    """The items of DOCUMENTED that a model contains, found from the model alone."""
    found = set()

    def bare(name):
        if not is_identifier(name):
            found.add(NAMES)

    def dotted(name):
        for part in text_of(name).split(".") if name else []:
            bare(part)

    def tensor(proto, is_attribute):
        if is_attribute and proto.name:
            bare(proto.name)
            if text_of(proto.name) in TYPE_WORDS:
                found.add(NAMES)
        if proto.data_type not in onnx.TensorProto.DataType.values() or proto.data_type == 0:
            found.add(TYPE)
        if proto.data_location == onnx.TensorProto.EXTERNAL and not proto.external_data:
            found.add(EXTERNAL)

    def type_(proto):
        kind = proto.WhichOneof("value")
        if kind is None:
            found.add(TYPE)
        elif kind in ("tensor_type", "sparse_tensor_type"):
            element = getattr(proto, kind).elem_type
            if element == 0 or element not in onnx.TensorProto.DataType.values():
                found.add(TYPE)
        elif kind in ("sequence_type", "optional_type"):
            type_(getattr(proto, kind).elem_type)
        elif kind == "map_type":
            if proto.map_type.key_type not in onnx.TensorProto.DataType.values()[1:]:
                found.add(TYPE)
            type_(proto.map_type.value_type)
        elif kind == "opaque_type":
            opaque = proto.opaque_type
            dotted(opaque.domain or opaque.name)
            if opaque.domain:
                bare(opaque.name)

    def attribute(proto):
        bare(proto.name)
        if proto.type == onnx.AttributeProto.UNDEFINED and not proto.ref_attr_name:
            if not any(f.name not in ("name", "doc_string", "type") for f, _ in proto.ListFields()):
                found.add(UNDEFINED)
        for inner in [proto.t] * proto.HasField("t") + list(proto.tensors):
            tensor(inner, True)
        for inner in [proto.g] * proto.HasField("g") + list(proto.graphs):
            if not is_identifier(inner.name) or inner.name.lower() in TYPE_WORDS | {"inf", "infinity", "nan"}:
                found.add(SUBGRAPH)
            graph(inner)
        for inner in [proto.sparse_tensor] * proto.HasField("sparse_tensor") + list(proto.sparse_tensors):
            found.add(SPARSE)
            tensor(inner.values, True)
            tensor(inner.indices, True)
        for inner in [proto.tp] * proto.HasField("tp") + list(proto.type_protos):
            type_(inner)

    def node(proto):
        if proto.op_type or proto.domain:
            bare(proto.op_type)
        dotted(proto.domain)
        if proto.overload:
            bare(proto.overload)
        for inner in proto.attribute:
            attribute(inner)

    def graph(proto):
        for value in [*proto.input, *proto.output, *proto.value_info]:
            if value.HasField("type"):
                type_(value.type)
        for inner in proto.initializer:
            tensor(inner, False)
        for inner in proto.sparse_initializer:
            found.add(SPARSE)
            tensor(inner.values, False)
            tensor(inner.indices, True)
        for inner in proto.node:
            node(inner)

    graph(model.graph)
    for function in model.functions:
        for inner in function.node:
            node(inner)
        for inner in function.attribute_proto:
            attribute(inner)
        for value in function.value_info:
            if value.HasField("type"):
                type_(value.type)
    if any(CONTROL.search(text) for text in strings_of(model)):
        found.add(BYTES)
    return found


def strings_of(proto):
    """Every string that the text shows, wherever it is in the model."""
    for field, value in proto.ListFields():
        if field.name in HIDDEN or (field.name == "doc_string" and type(proto).__name__ not in SHOWN_DOC):
            continue
        for item in value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]:
            if hasattr(item, "ListFields"):
                if not (field.name == "metadata_props" and type(proto).__name__ != "ModelProto"):
                    yield from strings_of(item)
            elif isinstance(item, str):
                yield item
            elif isinstance(item, bytes) and (field.type == field.TYPE_STRING or field.name in BYTES_SHOWN):
                try:
                    yield item.decode("utf8")
                except UnicodeDecodeError:
                    yield "\x00"


HIDDEN = {"training_info", "configuration", "device_configurations", "quantization_annotation", "denotation"}
BYTES_SHOWN = {"s", "strings", "string_data"}
SHOWN_DOC = {"ModelProto", "FunctionProto"}


def official_parse(text):
    """The official parser's model, or its message."""
    try:
        return onnx.parser.parse_model(text), None
    except Exception as error:  # noqa: BLE001 (the parser raises several kinds)
        message = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        return None, message.strip().splitlines()[-1]


def tsx(script, *arguments):
    subprocess.run(["node", "--import", "tsx", f"scripts/{script}", *map(str, arguments)], cwd=ROOT, check=True)


def our_parses(texts, out):
    """Our parser's model of each text, or its message, by key."""
    folder, parsed = out / "texts", out / "parsed"
    for key, text in texts.items():
        target = folder / f"{key}.onnxtxt"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf8", newline="")
    tsx("parse-corpus.ts", folder, parsed)
    models = {}
    for key in texts:
        error = parsed / f"{key}.err"
        if not error.exists():
            models[key] = (onnx.load(str(parsed / f"{key}.onnx"), load_external_data=False), None)
        elif "doesn't fit" not in error.read_text():
            models[key] = (None, error.read_text())
    return models


def compare(title, folder, out):
    """Compare over the models of a folder, print the figures, and return the problems."""
    tsx("print-corpus.ts", folder, out / "printed")
    printed = {
        str(file.relative_to(out / "printed").with_suffix("")): file.read_bytes().decode("utf8")
        for file in sorted((out / "printed").rglob("*.onnxtxt"))
    }
    originals, problems, refused = {}, [], 0
    for name in printed:
        try:
            originals[name] = onnx.load(str(folder / name), load_external_data=False)
        except Exception:  # noqa: BLE001
            refused += 1  # A string that isn't UTF-8, say, which we read and the official loader doesn't.
    accepted, equal, beyond = 0, 0, []
    for name, text in printed.items():
        first = text.split("\n", 1)[0] if text.startswith(COMMENT) else ""
        model, message = official_parse(text)
        if model is None:
            items = first[len(COMMENT) :].rstrip(".").split("; ") if first else []
            beyond.append((name, items, message))
            if not items:
                problems.append(f"rejected, and the text doesn't say why: {name}: {message}")
            problems += [f"not documented: {name}: {item}" for item in items if item not in DOCUMENTED]
            if name in originals and beyond_grammar(originals[name]) - {DATA} != set(items) - {DATA}:
                problems.append(f"the text says {items}, the model has {beyond_grammar(originals[name])}: {name}")
            continue
        accepted += 1
        if first:
            problems.append(f"accepted in spite of the comment: {name}: {first}")
        if name in originals:
            own = folder / name
            difference = first_difference(model_key(originals[name], own, True), model_key(model, own, True))
            equal += difference is None
            if difference:
                problems.append(f"the official parse of our text differs: {name}: {difference}")
    print(f"{title}: {len(printed)} models")
    print(f"  our text: accepted by the official parser {accepted} of {len(printed)}; parsed by it, {equal} equal the model")
    for name, items, message in beyond:
        print(f"    beyond its grammar: {name}: {'; '.join(items)}   [{message}]")
    # Values beyond their own element type stay in a file that has them, but a new one can't be made of them.
    ours, same, unfit = our_parses(printed, out / "ours"), 0, 0
    for name, original in originals.items():
        if name not in ours:
            unfit += 1
            continue
        model, message = ours[name]
        difference = message or first_difference(
            model_key(original, folder / name, False), model_key(model, folder / name, False)
        )
        same += difference is None
        if difference:
            problems.append(f"our parse of our text differs: {name}: {difference}")
    print(f"  our text: parsed by ours, {same} of {len(originals)} equal the model, field by field")
    official, silent = {}, 0
    for name, original in originals.items():
        try:
            # An editor may change line ends, so in our grammar every line end in a string is one newline.
            text = onnx.printer.to_text(original).replace("\r\n", "\n")
        except Exception:  # noqa: BLE001 (the printer raises on strings that aren't UTF-8)
            silent += 1
            continue
        model, message = official_parse(text)
        if model is not None:
            official[name] = (text, model)
    ours, same = our_parses({name: text for name, (text, _) in official.items()}, out / "official"), 0
    for name, (_, expected) in official.items():
        if name not in ours:
            continue
        model, message = ours[name]
        own = folder / name
        difference = message or first_difference(model_key(expected, own, True), model_key(model, own, True))
        same += difference is None
        if difference:
            problems.append(f"our parse of the official text differs: {name}: {difference}")
    print(
        f"  the official printer's text: accepted by its own parser {len(official)} of {len(originals)}; "
        f"parsed by ours, {same} equal that, field by field"
    )
    if refused or silent or unfit:
        print(
            f"  left out: {refused} that the official loader refuses, {silent} that the official printer can't print, "
            f"{unfit} whose values don't fit their element type"
        )
    return problems, accepted, len(printed)


def main():
    with tempfile.TemporaryDirectory() as temporary:
        out = pathlib.Path(temporary)
        corpora = [(argument, pathlib.Path(argument).resolve()) for argument in sys.argv[1:]]
        if not corpora:
            sys.path.insert(0, str(ROOT / "test/corpus"))
            importlib.import_module("onnx-cases").write_cases(out / "cases")
            corpora = [("ONNX's node test cases", out / "cases/node"), ("ONNX's backend/test/data", out / "cases/data")]
            shared = (ROOT / "../shared/models").resolve()
            if shared.exists():
                corpora.append(("../shared/models", shared))
        problems, accepted, total = [], 0, 0
        for index, (title, folder) in enumerate(corpora):
            found, some, of = compare(title, folder, out / str(index))
            problems, accepted, total = problems + found, accepted + some, total + of
        print(f"accepted by the official parser (onnx {onnx.__version__}): {accepted} of {total}")
        print(f"{len(problems)} problems")
        for problem in problems:
            print(f"  {problem}")
        return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
