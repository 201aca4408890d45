/**
 * An ONNX model's structure, as read from a file (`origin` is set) or from
 * text (`span` is set). Weights are never part of it: a tensor says where its
 * data is. Names follow onnx.proto.
 */
import type { ByteRange } from '../wire/source';

/** Half-open range `[start, end)` of UTF-16 offsets in a text. */
export interface TextSpan {
  readonly start: number;
  readonly end: number;
}

/** Where an element comes from: its message payload in the file, or its place in the text. */
export interface Located {
  readonly origin?: ByteRange | undefined;
  readonly span?: TextSpan | undefined;
}

export interface StringEntry {
  readonly key: string;
  readonly value: string;
}

export interface OpsetImport extends Located {
  /** `''` is the default domain, ai.onnx. */
  readonly domain: string;
  readonly version: number;
}

export interface Model extends Located {
  readonly irVersion: number;
  readonly opsetImports: readonly OpsetImport[];
  readonly producerName: string;
  readonly producerVersion: string;
  readonly domain: string;
  readonly modelVersion: bigint;
  readonly docString: string;
  readonly metadataProps: readonly StringEntry[];
  readonly graph: Graph;
  readonly functions: readonly FunctionProto[];
  /** The `<…>` header, when parsed from text. */
  readonly headerSpan?: TextSpan | undefined;
  /** Where the text has mistakes, so that it was read in part or not at all; absent where it has none. */
  readonly skippedSpans?: readonly TextSpan[] | undefined;
}

export interface Graph extends Located {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly valueInfos: readonly ValueInfo[];
  readonly initializers: readonly Tensor[];
  /** Absent where there is none. A sparse initializer's name is that of its values. */
  readonly sparseInitializers?: readonly SparseTensor[] | undefined;
  readonly nodes: readonly Node[];
  readonly nameSpan?: TextSpan | undefined;
  /** The `{…}` around the nodes, braces included, when parsed from text. */
  readonly bodySpan?: TextSpan | undefined;
}

export interface FunctionProto extends Located {
  readonly name: string;
  readonly domain: string;
  readonly overload: string;
  readonly docString: string;
  readonly opsetImports: readonly OpsetImport[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Names of the attributes that have no default. */
  readonly attributes: readonly string[];
  /** Attributes with a default value (`attribute_proto`). */
  readonly attributeDefaults: readonly Attribute[];
  readonly valueInfos: readonly ValueInfo[];
  readonly nodes: readonly Node[];
  readonly nameSpan?: TextSpan | undefined;
  readonly bodySpan?: TextSpan | undefined;
  readonly spans?: FunctionSpans | undefined;
}

/** The places of a function's parts in the text. */
export interface FunctionSpans {
  /** The domain in the header, quotes included. */
  readonly domain?: TextSpan | undefined;
  readonly inputs: readonly TextSpan[];
  readonly outputs: readonly TextSpan[];
  /** Names of the attributes that have no default. */
  readonly attributes: readonly TextSpan[];
}

export interface Node extends Located {
  readonly name: string;
  readonly domain: string;
  readonly opType: string;
  readonly overload: string;
  /** `''` is an omitted optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly Attribute[];
  /** The text of the node has a mistake: only a part of it was read. */
  readonly isIncomplete?: true | undefined;
  readonly spans?: NodeSpans | undefined;
}

/** The places of a node's parts in the text. */
export interface NodeSpans {
  /** The name between `[` and `]`, quotes included. */
  readonly name?: TextSpan | undefined;
  /** The op's own name, without domain and overload. */
  readonly opType: TextSpan;
  /** The domain in front of the op's name, without the dot between them. */
  readonly domain?: TextSpan | undefined;
  /** `<…>`, brackets included. */
  readonly attributes?: TextSpan | undefined;
  /** `(…)` around the inputs, parentheses included. */
  readonly inputList?: TextSpan | undefined;
  readonly inputs: readonly TextSpan[];
  readonly outputs: readonly TextSpan[];
}

export interface ValueInfo extends Located {
  readonly name: string;
  readonly type?: Type | undefined;
  readonly nameSpan?: TextSpan | undefined;
}

/** A dimension: a size, a symbol, or unknown. */
export type Dimension = number | string | undefined;

export type Type =
  | {
      readonly kind: 'tensor' | 'sparse_tensor';
      readonly elementType: number;
      /** absent: unknown rank */ readonly shape?: readonly Dimension[] | undefined;
    }
  | { readonly kind: 'sequence' | 'optional'; readonly elementType: Type | undefined }
  | { readonly kind: 'map'; readonly keyType: number; readonly valueType: Type | undefined }
  | { readonly kind: 'opaque'; readonly domain: string; readonly name: string }
  | { readonly kind: 'unset' };

export interface Tensor extends Located {
  readonly name: string;
  /** `TensorProto.DataType`. */
  readonly dataType: number;
  readonly dims: readonly number[];
  readonly data: TensorData;
  readonly nameSpan?: TextSpan | undefined;
}

/**
 * Elements as the text states them: 64-bit integers exactly; complex numbers as
 * pairs; float16, bfloat16 and float8 as bit patterns; types of 2 and 4 bits as
 * packed bytes; strings with bytes that aren't UTF-8 as U+DC80–U+DCFF.
 */
export type TensorValues = readonly number[] | readonly bigint[] | readonly string[];

export type TensorData =
  /** No data field at all, as in a graph input with a type and no value. */
  | { readonly kind: 'none' }
  /** Values written in the text. */
  | { readonly kind: 'values'; readonly values: TensorValues }
  /** Little-endian bytes that lie in the model file itself (`raw_data`, or packed `float_data`/`double_data`). */
  | { readonly kind: 'embedded'; readonly bytes: ByteRange }
  /** Little-endian bytes in memory, laid out as `raw_data` is; for models made in code. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** Any other typed field (`int32_data`, `int64_data`, `string_data` …) of the tensor at `origin`. */
  | { readonly kind: 'typed' }
  /** `external_data`: location, offset, length, checksum … in the order given. */
  | { readonly kind: 'external'; readonly entries: readonly StringEntry[] };

export interface SparseTensor extends Located {
  readonly values: Tensor;
  readonly indices: Tensor;
  readonly dims: readonly number[];
}

export interface Attribute extends Located {
  readonly name: string;
  readonly value: AttributeValue;
}

/** `type` names are those of `AttributeProto.AttributeType`. */
export type AttributeValue =
  | { readonly type: 'INT'; readonly value: bigint }
  | { readonly type: 'FLOAT'; readonly value: number }
  | { readonly type: 'STRING'; readonly value: Uint8Array }
  | { readonly type: 'TENSOR'; readonly value: Tensor }
  | { readonly type: 'GRAPH'; readonly value: Graph }
  | { readonly type: 'SPARSE_TENSOR'; readonly value: SparseTensor }
  | { readonly type: 'TYPE_PROTO'; readonly value: Type }
  | { readonly type: 'INTS'; readonly value: readonly bigint[] }
  | { readonly type: 'FLOATS'; readonly value: readonly number[] }
  | { readonly type: 'STRINGS'; readonly value: readonly Uint8Array[] }
  | { readonly type: 'TENSORS'; readonly value: readonly Tensor[] }
  | { readonly type: 'GRAPHS'; readonly value: readonly Graph[] }
  | { readonly type: 'SPARSE_TENSORS'; readonly value: readonly SparseTensor[] }
  | { readonly type: 'TYPE_PROTOS'; readonly value: readonly Type[] }
  /** `@name`: the value of the enclosing function's attribute; `attributeType` is what it refers to. */
  | { readonly type: 'REFERENCE'; readonly value: string; readonly attributeType: AttributeTypeName }
  | { readonly type: 'UNDEFINED' };

export type AttributeTypeName =
  | 'UNDEFINED'
  | 'FLOAT'
  | 'INT'
  | 'STRING'
  | 'TENSOR'
  | 'GRAPH'
  | 'SPARSE_TENSOR'
  | 'TYPE_PROTO'
  | 'FLOATS'
  | 'INTS'
  | 'STRINGS'
  | 'TENSORS'
  | 'GRAPHS'
  | 'SPARSE_TENSORS'
  | 'TYPE_PROTOS';
