"""Compare our printed text with the official parser.

Prints every model of a folder with our printer, parses the text with
onnx.parser, and compares the result with the model field by field, leaving out
what the textual syntax can't say. Needs onnx >= 1.23.

usage: python scripts/official-compare.py [FOLDER]
"""

import collections
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXTENSION_COMMENT = "# Some of this can only be said in forms"


def tensor_key(tensor, folder, own):
    """Name, type, shape and bytes of a tensor, wherever its data is."""
    data = None
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        entries = {e.key: e.value for e in tensor.external_data}
        location = entries.get("location", "")
        if location.endswith("#TensorProto") and location[: -len("#TensorProto")] == own.name:
            offset, length = int(entries["offset"]), int(entries["length"])
            other = onnx.TensorProto()
            other.ParseFromString(own.read_bytes()[offset : offset + length])
            return tensor_key(other, folder, own)
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
    return (tensor.name, tensor.data_type, tuple(tensor.dims), canonical(tensor.data_type, data))


def canonical(data_type, data):
    """NaN payloads aren't said in the text."""
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


def attribute_key(attribute, folder, own):
    kind = attribute.type
    A = onnx.AttributeProto
    if attribute.ref_attr_name:
        return (attribute.name, kind, "@" + attribute.ref_attr_name)
    if kind == A.UNDEFINED:
        fields = [f.name for f, _ in attribute.ListFields() if f.name not in ("name", "doc_string", "type")]
        kinds = {"f": A.FLOAT, "i": A.INT, "s": A.STRING, "t": A.TENSOR, "g": A.GRAPH, "tp": A.TYPE_PROTO}
        kinds.update(floats=A.FLOATS, ints=A.INTS, strings=A.STRINGS)
        kind = kinds.get(fields[-1], kind) if fields else kind
    if kind == A.FLOAT:
        value = canonical(1, np.float32(attribute.f).tobytes())
    elif kind == A.INT:
        value = attribute.i
    elif kind == A.STRING:
        value = attribute.s
    elif kind == A.TENSOR:
        value = tensor_key(attribute.t, folder, own)
    elif kind == A.GRAPH:
        value = graph_key(attribute.g, folder, own)
    elif kind == A.FLOATS:
        value = canonical(1, np.array(attribute.floats, np.float32).tobytes())
    elif kind == A.INTS:
        value = tuple(attribute.ints)
    elif kind == A.STRINGS:
        value = tuple(attribute.strings)
    elif kind == A.TYPE_PROTO:
        value = type_key(attribute.tp)
    else:
        # Other lists: the official parser drops their elements and type.
        return (attribute.name,)
    return (attribute.name, kind, value)


def node_key(node, folder, own):
    attributes = [attribute_key(a, folder, own) for a in node.attribute]
    return (node.name, node.domain, node.op_type, node.overload, tuple(node.input), tuple(node.output), attributes)


def graph_key(graph, folder, own):
    return (
        graph.name,
        [value_key(v) for v in graph.input],
        [value_key(v) for v in graph.output],
        [value_key(v) for v in graph.value_info],
        [tensor_key(t, folder, own) for t in graph.initializer],
        [node_key(n, folder, own) for n in graph.node],
    )


def function_key(fn, folder, own):
    return (
        (fn.domain, fn.name, fn.overload, fn.doc_string),
        [(o.domain, o.version) for o in fn.opset_import],
        (tuple(fn.input), tuple(fn.output), tuple(fn.attribute)),
        [attribute_key(a, folder, own) for a in fn.attribute_proto],
        [value_key(v) for v in fn.value_info],
        [node_key(n, folder, own) for n in fn.node],
    )


def model_key(model, own):
    folder = own.parent
    return {
        "header": (
            model.ir_version,
            [(o.domain, o.version) for o in model.opset_import],
            (model.producer_name, model.producer_version, model.domain, model.model_version, model.doc_string),
            [(p.key, p.value) for p in model.metadata_props],
        ),
        "graph": graph_key(model.graph, folder, own),
        "functions": [function_key(f, folder, own) for f in model.functions],
    }


def first_difference(a, b, path=""):
    if type(a) is type(b) and isinstance(a, dict):
        return next((d for k in a if (d := first_difference(a[k], b[k], f"{path}.{k}"))), None)
    if type(a) is type(b) and isinstance(a, (list, tuple)) and len(a) == len(b):
        return next((d for i, (x, y) in enumerate(zip(a, b)) if (d := first_difference(x, y, f"{path}[{i}]"))), None)
    return None if a == b else f"{path}: {str(a)[:80]} ≠ {str(b)[:80]}"


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "../shared/models").resolve()
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(["npx", "tsx", "scripts/print-corpus.ts", str(folder), out], cwd=ROOT, check=True)
        total = accepted = equal = marked = 0
        reasons, problems = collections.Counter(), []
        for text_file in sorted(pathlib.Path(out).rglob("*.onnxtxt")):
            own = folder / text_file.relative_to(out).with_suffix("")
            text = text_file.read_bytes().decode("utf8")
            total += 1
            has_comment = text.startswith("#") and EXTENSION_COMMENT in text[:1000]
            marked += has_comment
            try:
                parsed = onnx.parser.parse_model(text)
            except Exception as error:  # noqa: BLE001 (the parser raises several kinds)
                message = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
                reasons[message.strip().splitlines()[-1]] += 1
                if not has_comment:
                    problems.append(f"rejected without saying so: {own.name}: {message[:400]}")
                continue
            accepted += 1
            if has_comment:
                problems.append(f"accepted in spite of the comment: {own.name}")
            try:
                original = onnx.load(str(own), load_external_data=False)
            except Exception as error:  # noqa: BLE001
                problems.append(f"official loader refuses: {own.name}: {str(error)[:80]}")
                continue
            difference = first_difference(model_key(original, own), model_key(parsed, own))
            if difference is None:
                equal += 1
            else:
                problems.append(f"differs: {own.name}: {difference}")
        print(f"{accepted} of {total} accepted by onnx {onnx.__version__}'s parser; {equal} of them equal the model")
        print(f"{marked} texts say that they go beyond the official grammar; reasons for the {total - accepted} rejections:")
        for reason, count in reasons.most_common():
            print(f"{count:6} {reason}")
        for problem in problems:
            print(problem)
        return 1 if any(not p.startswith("official loader") for p in problems) else 0


if __name__ == "__main__":
    sys.exit(main())
