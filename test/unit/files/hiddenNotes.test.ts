import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { decodeModel, ModelFormatError } from '../../../src/core/onnx/decode';
import { parseModel } from '../../../src/core/text/parse';
import { printModel } from '../../../src/core/text/print';
import { bytesSource } from '../../../src/core/wire/source';
import { comparableText, textSeenFrom, type OpenedModel } from '../../../src/files/comparable';
import { everyMessage } from '../support/everyMessage';
import { anyModel } from '../support/arbitraryModel';
import { anyHiddenFields } from '../support/hiddenFields';
import { bytesOf, entry, message, type Message } from '../support/message';
import { runs } from '../support/runs';
import { encode } from '../support/textRoundTrip';
import { addFields, messageNames, withUnknownFields } from '../support/unknownFields';

function opened(bytes: Uint8Array): OpenedModel {
  const source = bytesSource(bytes);
  return { model: decodeModel(source), source, fileName: 'model.onnx' };
}

const editable = ({ model, source, fileName }: OpenedModel): string => printModel(model, source, { fileName });

/** The lines that only one of two texts has, and the line behind the first of them. */
function changedLines(one: string, other: string): string[] {
  const [lines, others] = [one.split('\n'), other.split('\n')];
  const only = (list: readonly string[], without: readonly string[]): string[] =>
    list.filter((line) => !without.includes(line)).map((line) => line.trim());
  return [...only(lines, others).map((line) => `- ${line}`), ...only(others, lines).map((line) => `+ ${line}`)];
}

/** The model with its string `from` replaced by one of the same length. */
function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1');
  assert.equal(text.split(from).length, 2);
  return Buffer.from(text.replace(from, to), 'latin1');
}

describe('notes on what the text does not show', function () {
  this.timeout(20_000);

  it('stand before the element that has it', async () => {
    const annotation = message([1, 'y'], [2, entry('SCALE_TENSOR', 's')]);
    const longText = 'line one\nline two, '.repeat(9);
    const digest = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex').slice(0, 16);
    const bytes = bytesOf(
      message(
        [1, 8],
        [
          7,
          message(
            [
              1,
              message(
                [1, 'x'],
                [2, 'y'],
                [4, 'Relu'],
                [5, message([1, 'alpha'], [3, 1], [13, 'what it is'], [20, 2])],
                [6, longText],
                [9, entry('name space', 'a/b')],
                [1000, 7],
              ),
            ],
            [2, 'g'],
            [11, message([1, 'x'], [3, 'the input'])],
            [14, annotation],
          ),
        ],
        [8, message([1, ''], [2, 17])],
        [20, message([3, entry('w', 'v')])],
      ),
    );
    const text = await comparableText(opened(bytes));
    assert.deepEqual(
      text
        .split('\n')
        .slice(1)
        .filter((line) => line !== ''),
      [
        '<',
        '  # hidden training_info: 0x1a060a0177120176',
        '  ir_version: 8,',
        '  opset_import: ["": 17]',
        '>',
        '# hidden input x › doc_string: "the input"',
        `# hidden quantization_annotation y: ${bytesOf(annotation).length} bytes, sha256 ${digest(bytesOf(annotation))}`,
        'g (x) => ()',
        '{',
        '  # hidden attribute alpha › doc_string: "what it is"',
        `  # hidden doc_string: 171 bytes, sha256 ${digest(Buffer.from(longText))}`,
        '  # hidden metadata_props "name space": a/b',
        '  # hidden field 1000: 0x07',
        '  y = Relu <alpha = 1> (x)',
        '}',
      ],
    );
    assert.deepEqual(parseModel(text).errors, []);
  });

  it('tell of a change in every message, whether they are known or not', async () => {
    const before = await comparableText(opened(everyMessage));
    for (const name of messageNames) {
      const bytes = withUnknownFields(everyMessage, { messages: new Set([name]), wireTypes: ['varint'] });
      assert.notEqual(await comparableText(opened(bytes)), before, name);
    }
    let count = 0;
    for (let i = 0; i < everyMessage.length; i += 11) {
      const bytes = everyMessage.slice();
      bytes[i]! ^= 1;
      try {
        const text = await comparableText(opened(bytes));
        count++;
        assert.notEqual(text, before, `byte ${i}`);
        assert.deepEqual(parseModel(text).errors, [], `byte ${i}`);
      } catch (error) {
        if (!(error instanceof ModelFormatError)) throw error;
      }
    }
    assert.ok(count > 100, `${count} models could be read`);
  });

  it('stand before each of several nodes in equal graphs', async () => {
    const branch = message([1, message([2, 'c'], [4, 'Op'], [6, 'inner'])], [2, 'b']);
    const node = (output: string): Message =>
      message([2, output], [4, 'If'], [5, message([1, 'then_branch'], [6, branch], [20, 5])]);
    const graph = message([1, node('x')], [1, node('y')], [2, 'g']);
    const text = await comparableText(opened(bytesOf(message([1, 8], [7, graph]))));
    assert.equal(text.match(/# hidden doc_string: inner\n/g)?.length, 2, text);
  });

  it('tell of values that another one in the same message supersedes', async () => {
    const extra = addFields(everyMessage, (name, writer, fields) => {
      const isFirst = (number: number): boolean => fields.some((field) => field.number === number);
      if (name === 'AttributeProto' && isFirst(3)) writer.bytes(4, Buffer.from('superseded'));
      if (name === 'TensorProto' && isFirst(13)) writer.bytes(9, Buffer.from('12345678'));
    });
    assert.equal(editable(opened(extra)), editable(opened(everyMessage)));
    const lines = changedLines(await comparableText(opened(everyMessage)), await comparableText(opened(extra)));
    const names = lines.flatMap((line) => /^\+ # hidden (.*)$/.exec(line)?.slice(1) ?? []);
    assert.deepEqual(
      [...new Set(names)],
      [
        'raw_data: 12345678',
        'attribute i › s: superseded',
        'attribute alpha › s: superseded',
        'attribute_proto i › s: superseded',
      ],
    );
  });
});

describe('texts for comparing random models', function () {
  this.timeout(30_000 * runs(1).numRuns);

  it('are the editable text with comments, and differ where hidden fields do', async () => {
    const withoutNotes = (text: string): string => text.replaceAll(/^ *#.*\n/gm, '');
    await fc.assert(
      fc.asyncProperty(anyModel, anyHiddenFields(['x', 'y']), fc.nat(), async (model, addHidden, seed) => {
        const plain = opened(encode(model));
        const hidden = opened(addHidden(encode(model)));
        const text = await comparableText(hidden, Infinity);
        assert.deepEqual(parseModel(text).errors, []);
        assert.equal(withoutNotes(text), withoutNotes(await comparableText(plain, Infinity)));
        assert.equal(text, await comparableText(hidden, Infinity));
        const bytes = hidden.source.read(0, hidden.source.size).slice();
        const places = [
          ...Buffer.from(bytes)
            .toString('latin1')
            .matchAll(/hidden \d+\./g),
        ];
        const place = places[seed % Math.max(places.length, 1)];
        if (!place) return;
        bytes[place.index]! ^= 0x20;
        assert.notEqual(await comparableText(opened(bytes), Infinity), text);
      }),
      runs(60),
    );
  });
});

describe('a comparison in the editor', () => {
  const after = opened(everyMessage);
  const seen = async (before: Uint8Array): Promise<string[]> =>
    changedLines(await textSeenFrom(opened(before), after, editable(after), 'old.onnx'), editable(after));

  it('has no notes where nothing that is hidden differs', async () => {
    assert.deepEqual(await seen(everyMessage), []);
    assert.deepEqual(await seen(replaced(everyMessage, 'producer', 'PRODUCER')), [
      '- producer_name: "PRODUCER",',
      '+ producer_name: "producer",',
    ]);
  });

  for (const [of, from, to] of [
    ['a node', 'about second', 'ABOUT second'],
    ["a node's attribute", 'about alpha', 'ABOUT alpha'],
    ['an initializer', 'about words', 'ABOUT words'],
    ['a declared value', 'about v3', 'ABOUT v3'],
    ['a function', 'about it', 'ABOUT it'],
    ['an input', 'about x', 'ABOUT x'],
    ['the graph', 'about main', 'ABOUT main'],
  ] as const) {
    it(`says what differs in ${of}`, async () => {
      const lines = await seen(replaced(everyMessage, from, to));
      assert.equal(lines.length, 2, lines.join('\n'));
      assert.match(lines[0]!, new RegExp(`^- # hidden here: (.* › )?doc_string: "${to}"$`));
      assert.match(lines[1]!, new RegExp(`^- # hidden on the right: (.* › )?doc_string: "${from}"$`));
    });
  }

  it('says what only one side has', async () => {
    const without = addFields(everyMessage, (name, writer, fields) => {
      if (name === 'ModelProto' && fields.length > 0) writer.int(1000, 1);
    });
    assert.deepEqual(await seen(without), Array<string>(3).fill('- # hidden here: field 1000: 0x01'));
  });
});
