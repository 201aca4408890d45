import { ATTRIBUTE_TYPE, attributeFields, encodeAttribute, encodeNode, encodeType } from '../onnx/encode';
import type { Attribute, AttributeValue, Graph, Node } from '../onnx/model';
import { chunksSize, type Chunk } from '../wire/splice';
import { MessageWriter } from '../wire/writer';
import type { BuildContext } from './buildContext';
import { rebuildList, rebuildString, rebuildStrings, type ListBuilder } from './buildList';
import { encodeNewSparseTensor, encodeNewTensor, rebuildSparseTensor, rebuildTensor } from './buildTensor';
import { rebuildType, sameType } from './buildType';
import { DEVICE_NAMES } from './hiddenNames';
import { matchItems, matchNamed } from './match';
import { intField, MessageEdit, messageField, stringField } from './messageEdit';

/** How graphs are built; given from outside, since graphs contain nodes. */
export interface GraphBuilder {
  encode(graph: Graph, context: BuildContext): Chunk[];
  rebuild(edited: Graph, base: Graph, context: BuildContext): Chunk[] | undefined;
}

/** Encodes and rebuilds nodes and attributes, subgraphs included. */
export class NodeBuilder {
  private readonly attributeList: ListBuilder<Attribute>;

  constructor(
    private readonly graphs: GraphBuilder,
    private readonly context: BuildContext,
  ) {
    this.attributeList = this.attributesIn(5);
  }

  /** How attributes in the field of this number are built. */
  attributesIn(field: number): ListBuilder<Attribute> {
    return {
      field,
      kind: 'attribute',
      nameOf: ({ name }) => name,
      encode: (attribute) => this.encodeAttribute(attribute),
      rebuild: (edited, base) => this.rebuildAttribute(edited, base),
    };
  }

  /** A node that the base doesn't have, as NodeProto. */
  encodeNode(node: Node): Chunk[] {
    // Attributes, which may refer to data of the file, are encoded here; the rest as for any model.
    const attributes = node.attributes.map((attribute) => this.encodeAttribute(attribute));
    const before = encodeNode({ ...node, attributes: [], domain: '', overload: '' });
    const writer = new MessageWriter();
    for (const chunk of before) writer.chunk(chunk);
    for (const attribute of attributes) writer.message(5, attribute);
    if (node.domain !== '') writer.string(7, node.domain);
    if (node.overload !== '') writer.string(8, node.overload);
    return writer.finish();
  }

  /** The base's NodeProto changed into `edited`, or `undefined` when they are equal. */
  rebuildNode(edited: Node, base: Node): Chunk[] | undefined {
    const { context } = this;
    const edit = new MessageEdit(context.source, base.origin!);
    rebuildStrings(edit, 1, edited.inputs, base.inputs, 'inputs', context);
    rebuildStrings(edit, 2, edited.outputs, base.outputs, 'outputs', context);
    rebuildString(edit, 3, edited.name, base.name, 'name', context);
    rebuildString(edit, 4, edited.opType, base.opType, 'op', context);
    rebuildString(edit, 7, edited.domain, base.domain, 'domain', context);
    rebuildString(edit, 8, edited.overload, base.overload, 'overload', context);
    context.renameIn(edit, 10, DEVICE_NAMES, 'device_configurations');
    if (edited.attributes.length > 0 || base.attributes.length > 0) {
      const matching = matchNamed(edited.attributes, base.attributes);
      rebuildList(edit, edited.attributes, base.attributes, matching, this.attributeList, context);
    }
    return edit.finish();
  }

  /** An attribute that the base doesn't have, as AttributeProto. */
  encodeAttribute(attribute: Attribute): Chunk[] {
    const writer = new MessageWriter();
    const { value } = attribute;
    const field = this.valueFields(value);
    // In field-number order, the type and a reference's name come last but for sparse tensors.
    if (field === undefined) return encodeAttribute(attribute);
    writer.string(1, attribute.name);
    for (const chunk of field) writer.chunk(chunk);
    if (value.type !== 'REFERENCE') writer.int(20, ATTRIBUTE_TYPE[value.type]);
    return writer.finish();
  }

  /** The fields of a value that may contain tensors, or `undefined` for other values. */
  private valueFields(value: AttributeValue): Chunk[] | undefined {
    const { context } = this;
    const writer = new MessageWriter();
    switch (value.type) {
      case 'TENSOR':
        return writer.message(5, encodeNewTensor(value.value, context)).finish();
      case 'GRAPH':
        return writer.message(6, this.graphs.encode(value.value, context)).finish();
      case 'TENSORS':
        for (const item of value.value) writer.message(10, encodeNewTensor(item, context));
        return writer.finish();
      case 'GRAPHS':
        for (const item of value.value) writer.message(11, this.graphs.encode(item, context));
        return writer.finish();
      case 'SPARSE_TENSOR':
        return writer.message(22, encodeNewSparseTensor(value.value, context)).finish();
      case 'SPARSE_TENSORS':
        for (const item of value.value) writer.message(23, encodeNewSparseTensor(item, context));
        return writer.finish();
      default:
        return undefined;
    }
  }

  /** The base's AttributeProto changed into `edited`, or `undefined` when they are equal. */
  rebuildAttribute(edited: Attribute, base: Attribute): Chunk[] | undefined {
    const edit = new MessageEdit(this.context.source, base.origin!);
    rebuildString(edit, 1, edited.name, base.name, 'name', this.context);
    this.rebuildValue(edit, edited.value, base.value);
    return edit.finish();
  }

  private rebuildValue(edit: MessageEdit, edited: AttributeValue, base: AttributeValue): void {
    if (edited.type === 'UNDEFINED' && base.type === 'UNDEFINED') return;
    if (edited.type !== base.type) {
      this.replaceValue(edit, edited);
      return;
    }
    // The types being equal, `base` is of the same case as `edited` in each of these.
    switch (edited.type) {
      case 'FLOAT':
        if (!Object.is(edited.value, (base as typeof edited).value)) this.replaceFields(edit, 2, edited);
        return;
      case 'INT':
        if (edited.value !== (base as typeof edited).value) this.replaceFields(edit, 3, edited);
        return;
      case 'STRING':
        if (!sameBytes(edited.value, (base as typeof edited).value)) this.replaceFields(edit, 4, edited);
        return;
      case 'REFERENCE': {
        const before = base as typeof edited;
        if (edited.value !== before.value) {
          this.context.changed('value');
          edit.set(21, stringField(21, edited.value));
        }
        if (edited.attributeType !== before.attributeType) {
          this.context.changed('type');
          edit.set(20, intField(20, ATTRIBUTE_TYPE[edited.attributeType]));
        }
        return;
      }
      case 'FLOATS': {
        const before = (base as typeof edited).value;
        const write = (writer: MessageWriter, i: number, packed: boolean): void => {
          if (packed) writer.packedFloat(edited.value[i]!);
          else writer.float(7, edited.value[i]!);
        };
        this.rebuildNumbers(edit, 7, edited.value, before, write);
        return;
      }
      case 'INTS': {
        const before = (base as typeof edited).value;
        const write = (writer: MessageWriter, i: number, packed: boolean): void => {
          if (packed) writer.packedInt(edited.value[i]!);
          else writer.int(8, edited.value[i]!);
        };
        this.rebuildNumbers(edit, 8, edited.value, before, write);
        return;
      }
      case 'STRINGS': {
        const before = (base as typeof edited).value;
        if (edited.value.length === before.length && edited.value.every((item, i) => sameBytes(item, before[i]!))) {
          return;
        }
        this.context.changed('value');
        edit.list(
          9,
          edited.value.map((item, i) => ({
            base: i < before.length ? i : undefined,
            field:
              i < before.length && sameBytes(item, before[i]!)
                ? undefined
                : new MessageWriter().bytes(9, item).finish(),
          })),
        );
        return;
      }
      case 'TENSOR':
        this.rebuildOne(edit, 5, rebuildTensor(edited.value, (base as typeof edited).value, this.context));
        return;
      case 'GRAPH':
        this.rebuildOne(edit, 6, this.rebuildGraph(edited.value, (base as typeof edited).value));
        return;
      case 'SPARSE_TENSOR':
        this.rebuildOne(edit, 22, rebuildSparseTensor(edited.value, (base as typeof edited).value, this.context));
        return;
      case 'TYPE_PROTO': {
        const before = (base as typeof edited).value;
        if (sameType(edited.value, before)) return;
        this.context.changed('value');
        edit.set(14, messageField(14, rebuildType(edited.value, before, edit.payloadsOf(14), this.context)));
        return;
      }
      case 'TENSORS':
        this.rebuildItems(edit, edited.value, (base as typeof edited).value, {
          field: 10,
          kind: 'tensor',
          nameOf: ({ name }) => name,
          encode: (item) => encodeNewTensor(item, this.context),
          rebuild: (item, before) => rebuildTensor(item, before, this.context),
        });
        return;
      case 'GRAPHS':
        this.rebuildItems(edit, edited.value, (base as typeof edited).value, {
          field: 11,
          kind: 'graph',
          nameOf: ({ name }) => name,
          encode: (item) => this.graphs.encode(item, this.context),
          rebuild: (item, before) => this.graphs.rebuild(item, before, this.context),
        });
        return;
      case 'SPARSE_TENSORS':
        this.rebuildItems(edit, edited.value, (base as typeof edited).value, {
          field: 23,
          kind: 'sparse tensor',
          nameOf: ({ values }) => values.name,
          encode: (item) => encodeNewSparseTensor(item, this.context),
          rebuild: (item, before) => rebuildSparseTensor(item, before, this.context),
        });
        return;
      case 'TYPE_PROTOS': {
        const fields = edit.fieldsOf(15);
        const before = (base as typeof edited).value;
        this.rebuildItems(
          edit,
          edited.value.map((type, index) => ({ type, index })),
          before.map((type, index) => ({ type, index })),
          {
            field: 15,
            kind: 'type',
            nameOf: () => '',
            encode: ({ type }) => encodeType(type),
            rebuild: (item, { type, index }) =>
              sameType(item.type, type)
                ? undefined
                : rebuildType(
                    item.type,
                    type,
                    fields.slice(index, index + 1).map(({ payload }) => payload),
                    this.context,
                  ),
          },
        );
      }
    }
  }

  private rebuildGraph(edited: Graph, base: Graph): Chunk[] | undefined {
    return this.context.within('graph', edited.name, () => this.graphs.rebuild(edited, base, this.context));
  }

  private rebuildOne(edit: MessageEdit, field: number, payload: Chunk[] | undefined): void {
    if (payload !== undefined) edit.set(field, messageField(field, payload));
  }

  private rebuildItems<T>(edit: MessageEdit, edited: readonly T[], base: readonly T[], builder: ListBuilder<T>): void {
    const isSame = (item: T, before: T): boolean => this.context.wouldKeep(() => builder.rebuild(item, before));
    const matching = matchItems(edited, base, (item) => builder.nameOf(item), isSame);
    rebuildList(edit, edited, base, matching, builder, this.context);
  }

  private rebuildNumbers(
    edit: MessageEdit,
    field: number,
    edited: readonly (number | bigint)[],
    base: readonly (number | bigint)[],
    write: (writer: MessageWriter, index: number, packed: boolean) => void,
  ): void {
    const isKept = (i: number): boolean => i < base.length && Object.is(edited[i], base[i]);
    if (edited.length === base.length && edited.every((_, i) => isKept(i))) return;
    this.context.changed('value');
    edit.numbers(field, edited.length, write, isKept);
  }

  private replaceFields(edit: MessageEdit, field: number, value: AttributeValue): void {
    this.context.changed('value');
    edit.set(field, attributeFields(value));
  }

  /** The attribute gets a value of another type. */
  private replaceValue(edit: MessageEdit, value: AttributeValue): void {
    this.context.changed('type');
    for (const number of Object.values(VALUE_FIELDS)) edit.remove(number);
    if (value.type === 'REFERENCE') {
      edit.set(20, intField(20, ATTRIBUTE_TYPE[value.attributeType]));
      edit.set(21, stringField(21, value.value));
      return;
    }
    edit.set(20, intField(20, ATTRIBUTE_TYPE[value.type]));
    const chunks = this.valueFields(value) ?? attributeFields(value);
    if (value.type !== 'UNDEFINED' && chunksSize(chunks) > 0)
      edit.planNumbers(VALUE_FIELDS[value.type], [{ base: 0, field: chunks }]);
  }
}

/** Numbers of AttributeProto's fields that hold a value, by its type. */
const VALUE_FIELDS: Readonly<Record<Exclude<AttributeValue['type'], 'UNDEFINED'>, number>> = {
  FLOAT: 2,
  INT: 3,
  STRING: 4,
  TENSOR: 5,
  GRAPH: 6,
  FLOATS: 7,
  INTS: 8,
  STRINGS: 9,
  TENSORS: 10,
  GRAPHS: 11,
  TYPE_PROTO: 14,
  TYPE_PROTOS: 15,
  REFERENCE: 21,
  SPARSE_TENSOR: 22,
  SPARSE_TENSORS: 23,
};

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
