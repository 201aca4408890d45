import { exact } from '../wire/exact';
import { emptyTensor } from './decodeTensor';
import type { AttributeTypeName, AttributeValue, Graph, SparseTensor, Tensor, Type } from './model';

/** What field an attribute keeps its value in, for attributes of IR versions that had no `type`. */
export const typeOfTag: ReadonlyMap<number, AttributeTypeName> = new Map([
  [21, 'FLOAT'],
  [24, 'INT'],
  [34, 'STRING'],
  [42, 'TENSOR'],
  [50, 'GRAPH'],
  [61, 'FLOATS'],
  [58, 'FLOATS'],
  [64, 'INTS'],
  [66, 'INTS'],
  [74, 'STRINGS'],
  [82, 'TENSORS'],
  [90, 'GRAPHS'],
  [114, 'TYPE_PROTO'],
  [122, 'TYPE_PROTOS'],
  [178, 'SPARSE_TENSOR'],
  [186, 'SPARSE_TENSORS'],
]);

const noBytes = new Uint8Array(0);

/** Everything an AttributeProto can hold; which of it counts depends on `type`, which may come last. */
export interface AttributeFields {
  f: number | undefined;
  i: bigint | undefined;
  s: Uint8Array | undefined;
  floats: number[] | undefined;
  ints: bigint[] | undefined;
  strings: Uint8Array[] | undefined;
  rare: RareFields | undefined;
}

export interface RareFields {
  t?: Tensor;
  g?: Graph;
  tp?: Type | undefined;
  sparse?: SparseTensor;
  tensors?: Tensor[];
  graphs?: Graph[];
  types?: Type[];
  sparses?: SparseTensor[];
}

/** The value that an attribute of this type has, absent fields being their defaults. */
export function attributeValue(type: AttributeTypeName, fields: AttributeFields): AttributeValue {
  switch (type) {
    case 'FLOAT':
      return { type, value: fields.f ?? 0 };
    case 'INT':
      return { type, value: fields.i ?? 0n };
    case 'STRING':
      return { type, value: fields.s ?? noBytes };
    case 'TENSOR':
      return { type, value: fields.rare?.t ?? emptyTensor };
    case 'GRAPH':
      return { type, value: fields.rare?.g ?? emptyGraph };
    case 'SPARSE_TENSOR':
      return { type, value: fields.rare?.sparse ?? { values: emptyTensor, indices: emptyTensor, dims: [] } };
    case 'TYPE_PROTO':
      return { type, value: fields.rare?.tp ?? { kind: 'unset' } };
    case 'FLOATS':
      return { type, value: fields.floats === undefined ? [] : exact(fields.floats) };
    case 'INTS':
      return { type, value: fields.ints === undefined ? [] : exact(fields.ints) };
    case 'STRINGS':
      return { type, value: fields.strings ?? [] };
    case 'TENSORS':
      return { type, value: fields.rare?.tensors ?? [] };
    case 'GRAPHS':
      return { type, value: fields.rare?.graphs ?? [] };
    case 'SPARSE_TENSORS':
      return { type, value: fields.rare?.sparses ?? [] };
    case 'TYPE_PROTOS':
      return { type, value: fields.rare?.types ?? [] };
    case 'UNDEFINED':
      return { type };
  }
}

/** What an absent GraphProto reads as. */
export const emptyGraph: Graph = { name: '', inputs: [], outputs: [], valueInfos: [], initializers: [], nodes: [] };
