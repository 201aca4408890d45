"""Writes src/core/language/opFacts.json: the signatures of all standard ops in all their versions.

Run by hand when a new ONNX version is out, with a Python that has the `onnx` package:

    python scripts/op-facts.py

Only facts are taken: names, arity, types, defaults. src/core/language/ops.ts reads the file and documents its form.
"""

import json
import pathlib

import onnx
from onnx import defs, helper

OUTPUT = pathlib.Path(__file__).parent.parent / "src/core/language/opFacts.json"
UNBOUNDED = 2**31 - 1
SUFFIX = {
    defs.OpSchema.FormalParameterOption.Single: "",
    defs.OpSchema.FormalParameterOption.Optional: "?",
    defs.OpSchema.FormalParameterOption.Variadic: "*",
}


class Pool:
    """Distinct values, by number."""

    def __init__(self):
        self.values = []
        self.numbers = {}

    def add(self, value):
        key = json.dumps(value)
        if key not in self.numbers:
            self.numbers[key] = len(self.values)
            self.values.append(value)
        return self.numbers[key]


type_lists = Pool()
formals = Pool()
attributes = Pool()


def formal(parameter):
    return f"{parameter.name}{SUFFIX[parameter.option]} {parameter.type_str}"


def default(attribute):
    if attribute.default_value.type == onnx.AttributeProto.UNDEFINED:
        return None
    value = helper.get_attribute_value(attribute.default_value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float):
        return float(f"{value:.8g}")
    return value if isinstance(value, (int, str)) else [v.decode() if isinstance(v, bytes) else v for v in value]


def attribute_fact(attribute):
    fact = [attribute.name, str(attribute.type).rsplit(".", 1)[-1]]
    value = default(attribute)
    if attribute.required:
        fact.append(1)
    elif value is not None:
        fact += [0, value]
    return fact


def arity(low, high):
    return [low, -1 if high == UNBOUNDED else high]


def version_fact(schema):
    return [
        schema.since_version,
        1 if schema.deprecated else 0,
        [formals.add(formal(p)) for p in schema.inputs],
        [formals.add(formal(p)) for p in schema.outputs],
        [attributes.add(attribute_fact(a)) for a in sorted(schema.attributes.values(), key=lambda a: a.name)],
        arity(schema.min_input, schema.max_input) + arity(schema.min_output, schema.max_output),
        {c.type_param_str: type_lists.add(" ".join(sorted(c.allowed_type_strs))) for c in schema.type_constraints},
    ]


schemas = sorted(defs.get_all_schemas_with_history(), key=lambda s: (s.domain, s.name, s.since_version))
domains = {}
for schema in schemas:
    domain = domains.setdefault(schema.domain, {"opset": defs.onnx_opset_version(), "ops": {}})
    if schema.domain:
        domain["opset"] = max([s.since_version for s in schemas if s.domain == schema.domain])
    domain["ops"].setdefault(schema.name, []).append(version_fact(schema))

facts = {
    "onnx": onnx.__version__,
    "typeLists": type_lists.values,
    "formals": formals.values,
    "attributes": attributes.values,
    "domains": domains,
}
OUTPUT.write_text(json.dumps(facts, separators=(",", ":")) + "\n")
print(f"{OUTPUT.name}: {len(schemas)} signatures, {OUTPUT.stat().st_size} bytes")
