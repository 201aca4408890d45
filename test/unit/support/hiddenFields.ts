/** Fields that the text doesn't show, put into the messages of a model at random. */
import fc from 'fast-check';
import { randomNumbers } from './damage';
import { entry, message, type Fields, type Message } from './message';
import { addFields, withUnknownFields, type MessageName } from './unknownFields';

interface Choices {
  readonly seed: number;
  /** Of ten places in a message that can have hidden fields, how many do. */
  readonly density: number;
  readonly unknown: boolean;
  /** Names that annotations and device configurations refer to values by. */
  readonly names: readonly string[];
}

/** A model file with fields that the text doesn't show: doc strings, metadata, annotations, devices, training, unknown ones. */
function withHiddenFields(bytes: Uint8Array, { seed, density, unknown, names }: Choices): Uint8Array {
  const random = randomNumbers(seed);
  let count = 0;
  const text = (): string => `hidden ${count++}.`;
  const name = (): string => names[Math.floor(random() * names.length)]!;
  const metadata = (): Message => entry(text(), random() < 0.2 ? name() : text());
  const devices = (): Message =>
    message(
      [1, text()],
      [
        2,
        message(
          [1, name()],
          [2, 0],
          [2, 1],
          [3, message([1, 0], [2, 1])],
          [4, message([1, 0], [2, message([2, 'N'], [3, 2])])],
        ),
      ],
      [2, message([1, name()])],
      [3, 1],
    );
  const annotation = (): Message =>
    message([1, name()], [2, entry('SCALE_TENSOR', name())], [2, entry('ZERO_POINT_TENSOR', name())]);
  const graph = (): Message =>
    message(
      [1, message([1, name()], [2, text()], [3, text()], [4, 'Sub'], [10, devices()])],
      [2, text()],
      [5, message([1, 1], [2, 1], [4, 0.5], [8, name()])],
      [12, message([1, name()])],
      [14, annotation()],
    );
  const training = (): Message =>
    message([1, graph()], [2, graph()], [3, entry(name(), name())], [4, entry(name(), name())]);
  const hidden: Partial<Record<MessageName, () => Fields>> = {
    ModelProto: () => [
      [20, training()],
      [26, message([1, text()], [2, 2], [3, text()])],
    ],
    GraphProto: () => [
      [10, text()],
      [14, annotation()],
      [16, metadata()],
    ],
    NodeProto: () => [
      [6, text()],
      [9, metadata()],
      [10, devices()],
    ],
    AttributeProto: () => [[13, text()]],
    TensorProto: () => [
      [3, message([1, 0], [2, 1])],
      [12, text()],
      [16, metadata()],
    ],
    ValueInfoProto: () => [
      [3, text()],
      [4, metadata()],
    ],
    TypeProto: () => [[6, text()]],
    'TensorShapeProto.Dimension': () => [[3, text()]],
    FunctionProto: () => [[14, metadata()]],
  };
  const result = addFields(bytes, (of, writer) => {
    for (const field of hidden[of]?.() ?? []) {
      if (random() * 10 < density) for (const chunk of message(field).encode()) writer.chunk(chunk);
    }
  });
  return unknown ? withUnknownFields(result) : result;
}

/** Puts hidden fields into a model file; the names that they refer to values by are of `names`. */
export function anyHiddenFields(names: readonly string[]): fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> {
  return fc.record({ seed: fc.integer(), density: fc.constantFrom(0, 2, 5), unknown: fc.boolean() }).map((choices) => {
    const add = (bytes: Uint8Array): Uint8Array => withHiddenFields(bytes, { ...choices, names });
    return Object.assign(add, { toString: () => JSON.stringify({ ...choices, names }) });
  });
}
