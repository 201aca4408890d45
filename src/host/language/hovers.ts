import * as vscode from 'vscode';
import { escapeMarkdown, hoverAt, type DescribeType } from '../../core/language/hover';
import { signatureHelpAt } from '../../core/language/signatureHelp';
import { typeText } from '../../core/language/types';
import { openDimensions } from '../../measure/dimensions';
import { documentSelector, rangeOf, type Analyses, type Analysis } from '../analysis';
import { indexOf, markdown } from './textIndexes';

const SET_DIMENSIONS = 'onnxFusionLens.setDimensions';

/** Hovers on ops, values, attributes and functions, and the op's signature while its inputs are written. */
export function registerHovers(analyses: Analyses): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.languages.registerHoverProvider(documentSelector, {
      provideHover(document, position) {
        const analysis = analyses.of(document);
        const hover = hoverAt(indexOf(analysis), document.offsetAt(position), describeType(analysis));
        if (!hover) return undefined;
        const content = markdown(hover.markdown);
        content.isTrusted = { enabledCommands: [SET_DIMENSIONS] };
        return new vscode.Hover(content, rangeOf(document, hover.span));
      },
    }),
    vscode.languages.registerSignatureHelpProvider(
      documentSelector,
      {
        provideSignatureHelp(document, position) {
          const found = signatureHelpAt(indexOf(analyses.of(document)), document.offsetAt(position));
          if (!found) return undefined;
          const signature = new vscode.SignatureInformation(found.label, markdown(found.documentation));
          signature.parameters = found.inputs.map(([start, end]) => new vscode.ParameterInformation([start, end]));
          const help = new vscode.SignatureHelp();
          help.signatures = [signature];
          help.activeSignature = 0;
          help.activeParameter = found.activeInput;
          return help;
        },
      },
      '(',
      ',',
    ),
  );
}

/** What is known of a value's type, whether the file declares it or the runtime inferred it, and with which sizes. */
function describeType({ uri, model, shapes }: Analysis): DescribeType {
  return (scope, name) => {
    const known = shapes.types.of(scope, name);
    const { inferred } = shapes.types;
    const sizes = [...shapes.sizes].map(([key, size]) => `\`${key}\` = ${size}`).join(', ');
    const sentences: string[] = [];
    switch (known?.origin) {
      case 'declared':
        sentences.push('Type declared in the file.');
        break;
      case 'inferred':
        sentences.push(`Inferred by ONNX Runtime${sizes === '' ? '' : ` with ${sizes}`}.`);
        break;
      case 'derived':
        sentences.push('Shape worked out from those of the inputs.');
        break;
      case undefined:
        break;
    }
    if (known?.declared) sentences.push(`Declared in the file as \`${typeText(known.declared)}\`.`);
    if (shapes.refusal !== undefined) {
      sentences.push(`ONNX Runtime can't tell more: ${escapeMarkdown(shapes.refusal)}`);
    }
    if (inferred && openDimensions(model).length > 0) {
      const link = `command:${SET_DIMENSIONS}?${encodeURIComponent(JSON.stringify([uri]))}`;
      sentences.push(`[Set symbolic dimensions…](${link})`);
    }
    return { type: known?.type, markdown: sentences.join(' ') };
  };
}
