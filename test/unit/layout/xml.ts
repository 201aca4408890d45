/** A strict reader for the XML that the tests look at: elements, attributes, text, the five entities. */
import assert from 'node:assert/strict';

export class XmlElement {
  readonly children: XmlElement[] = [];
  text = '';

  constructor(
    readonly name: string,
    readonly attributes: ReadonlyMap<string, string>,
  ) {}

  *descendants(): Generator<XmlElement> {
    for (const child of this.children) {
      yield child;
      yield* child.descendants();
    }
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const TOKEN = /<\/([\w:-]+)\s*>|<([\w:-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/y;
const NO_XML_CHARACTER = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** The root element; an assertion fails where the text isn't well-formed. */
export function parseXml(xml: string): XmlElement {
  assert.doesNotMatch(xml, NO_XML_CHARACTER);
  const root = new XmlElement('', new Map());
  const open = [root];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < xml.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(xml);
    assert.ok(match, `not well-formed: ${xml.slice(at, at + 80)}`);
    const [, end, start, attributes = '', empty, text] = match;
    const parent = open.at(-1)!;
    if (text !== undefined) {
      assert.ok(!text.includes(']]>'), 'a text may not hold ]]>');
      parent.text += decode(text);
    } else if (end !== undefined) assert.equal(open.pop()!.name, end);
    else {
      const pairs = [...attributes.matchAll(/([\w:-]+)="([^"]*)"/g)].map(
        ([, key, value]) => [key!, decode(value!)] as const,
      );
      assert.equal(new Set(pairs.map(([key]) => key)).size, pairs.length, 'an attribute is there twice');
      const element = new XmlElement(start!, new Map(pairs));
      parent.children.push(element);
      if (empty === '') open.push(element);
    }
  }
  assert.equal(open.length, 1, `<${open.at(-1)!.name}> isn't closed`);
  assert.equal(root.children.length, 1);
  return root.children[0]!;
}

function decode(text: string): string {
  return text.replace(/&(\w+;)?/g, (entity, name: string | undefined) => {
    const char = ENTITIES[name?.slice(0, -1) ?? ''];
    assert.ok(char !== undefined, `no entity: ${entity}`);
    return char;
  });
}
