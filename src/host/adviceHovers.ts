import * as vscode from 'vscode';
import { adviceFacts, verdictText } from '../core/fusion/adviceText';
import { describeFusion } from '../core/fusion/describe';
import { documentSelector, rangeOf, type Analyses } from './analysis';
import { markdown } from './language/textIndexes';
import type { Measurements } from './measurements';

/** On the operators of a pair: what fusing it saves and costs, and whether it is worth it. */
export function registerAdviceHovers(analyses: Analyses, measurements: Measurements): vscode.Disposable {
  return vscode.languages.registerHoverProvider(documentSelector, {
    provideHover(document, position) {
      const analysis = analyses.of(document);
      const offset = document.offsetAt(position);
      for (const finding of analysis.findings) {
        for (const { spans } of finding.nodes) {
          if (!spans || offset < spans.opType.start || offset > spans.opType.end) continue;
          const measurement = measurements.of(analysis, finding);
          const verdict = verdictText(finding, measurement?.kind === 'measured' ? measurement.speedup : undefined);
          const facts = adviceFacts(finding.advice).map(([name, figure]) => `- ${name}: ${figure}`);
          // On the convolution the diagnostic says it.
          const heading = spans === finding.convolution.spans ? [] : [`**${escape(describeFusion(finding))}**`];
          const parts = [...heading, ...(verdict ? [verdict] : []), facts.join('\n')];
          return new vscode.Hover(markdown(parts.join('\n\n')), rangeOf(document, spans.opType));
        }
      }
      return undefined;
    },
  });
}

/** Names may hold what Markdown takes for its own. */
const escape = (text: string): string => text.replace(/[\\*_{}[\]<>#|]/g, '\\$&');
