/** Texts with marked places, for tests of what the editor does there. */
import { TextIndex } from '../../../src/core/language/textIndex';
import type { TextSpan } from '../../../src/core/onnx/model';
import { parseModel } from '../../../src/core/text/parse';

/** The index of a text, which may have mistakes. */
export function indexOf(text: string): TextIndex {
  return new TextIndex(text, parseModel(text).model);
}

/** A text without its mark `‸`, and where the mark stood. */
export function marked(text: string): { index: TextIndex; offset: number } {
  const offset = text.indexOf('‸');
  return { index: indexOf(text.replace('‸', '')), offset };
}

export const textAt = (index: TextIndex, span: TextSpan | undefined): string | undefined =>
  span && index.text.slice(span.start, span.end);

export const SMALL = `<
  ir_version: 8,
  opset_import: ["": 17, "local": 1]
>
g (float[N,3] x) => (float[N,3] y)
<
  float[3] w = {1.0, 2.0, 3.0},
  float[N,3] sum
>
{
  [first] sum = Add (x, w)
  [call] twice = local.Twice (sum)
  [choice] y = If (flag) <
    then_branch = yes () => (float a)
    {
      a = Relu (sum)
    },
    else_branch = no () => (float b)
    {
      b = Identity (twice)
    }
  >
  flag = Constant <value = bool {1}> ()
}

<
  domain: "local",
  opset_import: ["": 17]
>
Twice <factor> (v) => (r)
{
  r = Add (v, v)
}
`;
