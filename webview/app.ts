import { measureGraph, type MeasuredGraph } from '../src/core/layout/boxes';
import type { DrawingGraph, NodeReference } from '../src/core/layout/drawing';
import type { LayoutGraph } from '../src/core/layout/graph';
import type { GraphLayout } from '../src/core/layout/layout';
import {
  dispatch,
  type FromWebview,
  type GraphContext,
  type Handlers,
  type MeasurementsByFinding,
  type Status,
  type ToWebview,
  type WebviewKind,
} from '../src/protocol';
import { anchorsIn, holdAnchor } from './anchors';
import { dropdown } from './controls';
import { Frame } from './frame';
import { GraphView } from './graphView';
import { Inspector } from './inspector';
import { Layouts } from './layouts';
import { Message } from './message';
import { Scene, type Mark } from './scene';
import { Search } from './search';
import { readState, type ViewState } from './state';
import { Summary } from './summary';

type ModelMessage = Extract<ToWebview, { readonly type: 'model' }>;

/** Layouts that take longer than this are announced, milliseconds. */
const PATIENCE_MS = 250;
const SAVE_DELAY_MS = 200;

/** What the webview may ask of the editor it is in. */
export interface Host {
  post(message: FromWebview): void;
  getState(): unknown;
  setState(state: ViewState): void;
}

/** The whole webview: takes the host's messages, shows the graph, tells the host what the person asks for. */
export class App {
  private readonly view: GraphView;
  private readonly inspector: Inspector;
  private readonly search: Search;
  private readonly summary: Summary;
  private readonly message = new Message();
  private readonly layouts: Layouts;
  private readonly chooser = dropdown('Graph', (id) => this.openGraph(id));
  private readonly frame: Frame;

  private model: ModelMessage | undefined;
  private measurements: MeasurementsByFinding = {};
  private running = false;
  private graphId: string | undefined;
  private scene: Scene | undefined;
  private selected: string | undefined;
  /** A node to select and show as soon as its graph is laid out. */
  private pending: NodeReference | undefined;
  /** The view as it was left, to be taken up again with the first layout. */
  private restored: ViewState | undefined;
  private saveTimer = 0;

  constructor(
    private readonly host: Host,
    kind: WebviewKind,
    workerUri: string,
    body: HTMLElement,
  ) {
    this.layouts = new Layouts(workerUri, (message) => this.logError(message));
    this.view = new GraphView({
      onSelect: (node) => this.select(node, { tellHost: true }),
      onOpen: (node) => this.openNode(node),
      onMark: (mark) => this.showMark(mark),
      onContext: (node) => this.setContext(node),
      onMove: () => this.onMove(),
      onSearch: () => this.search.focus(),
      onTheme: () => this.showGraph(),
    });
    this.inspector = new Inspector({
      onSelect: (node) => {
        this.select(node, { tellHost: true });
        this.view.reveal(this.scene!.boxOf(node));
      },
      onOpenGraph: (id) => this.openGraph(id),
      onFuse: (finding) => this.host.post({ type: 'requestFuse', finding }),
      onMeasure: (finding) => this.host.post({ type: 'requestMeasure', finding }),
      onReveal: (node) => this.tellHost(node),
      onClose: () => this.select(undefined, { tellHost: false }),
    });
    this.search = new Search({
      onMatch: (node) => {
        this.select(node, { tellHost: false });
        this.view.reveal(this.scene!.boxOf(node), true);
      },
      onHighlight: (matches) => this.view.highlight(matches),
      onLeave: () => this.view.canvas.focus(),
    });
    this.summary = new Summary(kind, {
      onOpenAsText: () => this.host.post({ type: 'requestOpenAsText' }),
      onFuseAll: () => this.host.post({ type: 'requestFuseAll' }),
      onMeasure: () => this.host.post({ type: 'requestMeasure' }),
      onCancelMeasure: () => this.host.post({ type: 'cancelMeasure' }),
      onSetDimensions: () => this.host.post({ type: 'requestSetDimensions' }),
      onNext: (state) => this.showNext(state),
    });
    this.restored = readState(host.getState());
    if (this.restored) this.view.wheelMode = this.restored.wheelMode;
    const { view, summary, inspector, search, chooser, message } = this;
    this.frame = new Frame({ view, summary, inspector, search, chooser, message }, () => this.saveSoon());
    this.chooser.element.hidden = true;
    body.classList.add(kind);
    body.append(...this.frame.elements);
    this.message.loading('Loading…');
  }

  /** Take a message of the host. */
  receive(message: unknown): void {
    dispatch<ToWebview>(this.handlers, message);
  }

  logError(message: string): void {
    this.host.post({ type: 'logError', message });
  }

  private readonly handlers: Handlers<ToWebview> = {
    status: ({ status }) => this.showStatus(status),
    model: (message) => this.showModel(message),
    measurements: ({ measurements, running }) => {
      this.measurements = measurements;
      this.running = running;
      this.scene?.mark(measurements);
      this.view.marksChanged();
      this.showDetails();
    },
    select: ({ node }) => this.reveal(node),
  };

  private showStatus(status: Status): void {
    if (status.kind === 'loading') {
      // A model that is shown stays until the next one is there.
      if (!this.scene) this.message.loading(`Reading ${status.fileName}…`);
      return;
    }
    this.model = undefined;
    this.graphId = undefined;
    this.layouts.clear();
    this.setScene(undefined);
    this.summary.hide();
    this.chooser.element.hidden = true;
    if (status.kind === 'error') this.message.error(`Can’t show ${status.fileName}`, status.message);
    else this.message.note(status.message);
    this.frame.announce(status.message);
  }

  private showModel(message: ModelMessage): void {
    if (this.model && message.uri === this.model.uri && message.version < this.model.version) return;
    if (message.uri !== this.model?.uri) {
      this.graphId = undefined;
      this.selected = undefined;
      this.layouts.clear();
      this.setScene(undefined);
      this.message.loading(`Laying out ${message.fileName}…`);
      if (this.restored?.uri === message.uri) {
        this.graphId = this.restored.graph;
        this.selected = this.restored.selected;
      } else this.restored = undefined;
    }
    this.model = message;
    this.measurements = message.measurements;
    const { graphs } = message.drawing;
    this.chooser.element.hidden = graphs.length < 2;
    this.showGraph();
  }

  private openGraph(id: string): void {
    if (id === this.graphId) return;
    this.graphId = id;
    this.selected = undefined;
    this.restored = undefined;
    this.showGraph();
  }

  /** Lay the chosen graph out, unless it is laid out already, and show it. */
  private showGraph(): void {
    if (!this.model) return;
    const { drawing, uri } = this.model;
    const graph = drawing.graphs.find(({ id }) => id === this.graphId) ?? drawing.graphs[0]!;
    this.graphId = graph.id;
    this.chooser.set(
      drawing.graphs.map(({ id, title }) => ({ value: id, text: title })),
      graph.id,
    );
    this.showDetails();
    const index = drawing.graphs.indexOf(graph);
    const findings = drawing.findings.filter((finding) => finding.graph === index);
    const measured = measureGraph(graph, findings, this.view.metrics);
    const key = JSON.stringify([uri, graph.id]);
    const finish = (layout: GraphLayout): void => {
      const isNew = this.layouts.show(key, measured.layoutGraph, layout);
      this.showLayout(graph, measured, layout, isNew);
    };
    const known = this.layouts.known(key, measured.layoutGraph);
    if (known) {
      finish(known);
      return;
    }
    if (graph.nodes.length === 0) {
      this.setScene(undefined);
      this.message.note('This graph has no nodes.');
      return;
    }
    void this.layOut(measured.layoutGraph, finish);
  }

  private async layOut(graph: LayoutGraph, finish: (layout: GraphLayout) => void): Promise<void> {
    const timer = setTimeout(() => {
      if (this.scene) this.frame.busy.hidden = false;
    }, PATIENCE_MS);
    try {
      const layout = await this.layouts.layout(graph);
      // A newer drawing arrived meanwhile, or the model is gone.
      if (!layout || !this.model) return;
      finish(layout);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.logError(`layout failed: ${text}`);
      this.message.error('Can’t lay this graph out', text);
    } finally {
      clearTimeout(timer);
      this.frame.busy.hidden = true;
    }
  }

  private showLayout(graph: DrawingGraph, measured: MeasuredGraph, layout: GraphLayout, isNew: boolean): void {
    const index = this.model!.drawing.graphs.indexOf(graph);
    if (index < 0) return;
    const findings = this.model!.drawing.findings.filter((finding) => finding.graph === index);
    const anchors = isNew || !this.scene ? [] : anchorsIn(this.scene, this.view.camera, this.selected);
    const scene = new Scene(graph, findings, measured.boxes, layout, this.view.metrics);
    scene.mark(this.measurements);
    this.message.hide();
    this.setScene(scene);
    if (isNew) this.enterGraph();
    else {
      holdAnchor(anchors, scene, this.view.camera);
      this.view.moved();
    }
    const node = this.selected === undefined ? undefined : scene.find(this.selected);
    if (node === undefined) this.selected = undefined;
    this.view.select(node);
    this.showDetails();
    if (this.pending) this.reveal(this.pending);
    if (isNew) {
      this.frame.announce(`${graph.title}: ${graph.nodes.length} nodes, ${findings.length} findings`);
      this.view.canvas.setAttribute(
        'aria-label',
        `Graph ${graph.title}. Tab goes from finding to finding, arrows move, plus and minus zoom, Enter shows the text.`,
      );
    }
  }

  /** Where to look first in a graph: where it was left, or its beginning. */
  private enterGraph(): void {
    const { restored, view } = this;
    this.restored = undefined;
    if (!restored) {
      view.home();
      return;
    }
    view.camera.scale = restored.scale;
    view.camera.centre(restored.x, restored.y);
    view.moved();
  }

  private setScene(scene: Scene | undefined): void {
    this.scene = scene;
    this.view.show(scene);
    this.search.show(scene);
    if (!scene) this.inspector.show(undefined, undefined, String, '');
  }

  private showDetails(): void {
    const { model, scene } = this;
    if (!model) return;
    this.summary.show(model.fileName, model.drawing, this.measurements, this.running, model);
    const node = this.selected === undefined ? undefined : scene?.find(this.selected);
    const category = node === undefined ? 'value' : scene!.graph.nodes[node]!.category;
    this.inspector.show(scene, node, (id) => this.titleOf(id), this.view.theme.header[category]);
  }

  /** Tell the editor what its context menu is for; the node is selected, so that it is seen too. */
  private setContext(node: number | undefined): void {
    const { model, scene } = this;
    if (!model || !scene) return;
    if (node !== undefined) this.select(node, { tellHost: false });
    const drawn = node === undefined ? undefined : scene.graph.nodes[node];
    const finding = node === undefined ? undefined : scene.markOf(node)?.finding;
    const context: GraphContext = {
      webviewSection: drawn?.span ? 'graphNode' : 'graph',
      preventDefaultContextMenuItems: true,
      model: model.uri,
      finding: finding?.id,
      fusionState: finding?.state,
      offset: drawn?.span?.start,
    };
    this.view.canvas.dataset['vscodeContext'] = JSON.stringify(context);
  }

  private titleOf(graph: string): string {
    return this.model?.drawing.graphs.find(({ id }) => id === graph)?.title ?? graph;
  }

  private select(node: number | undefined, { tellHost }: { tellHost: boolean }): void {
    const id = node === undefined ? undefined : this.scene?.graph.nodes[node]?.id;
    this.selected = id;
    this.view.select(node);
    this.showDetails();
    this.saveSoon();
    if (node === undefined || id === undefined) return;
    this.frame.announce(this.describe(node));
    if (tellHost) this.tellHost(node);
  }

  private tellHost(node: number): void {
    const drawn = this.scene?.graph.nodes[node];
    if (drawn) this.host.post({ type: 'selectNode', node: { graph: this.graphId!, node: drawn.id } });
  }

  private describe(node: number): string {
    const { label, name } = this.scene!.graph.nodes[node]!;
    const mark = this.scene!.markOf(node);
    const measured = mark?.measurement?.kind === 'measured' ? `. ${mark.measurement.title}` : '';
    return `${label} ${name}${mark ? `. ${mark.finding.message}${measured}` : ''}`;
  }

  /** The host asks for a node to be shown, wherever it is. */
  private reveal(reference: NodeReference | undefined): void {
    this.pending = undefined;
    if (!reference) {
      this.select(undefined, { tellHost: false });
      return;
    }
    if (reference.graph !== this.graphId || !this.scene) {
      this.pending = reference;
      if (this.model?.drawing.graphs.some(({ id }) => id === reference.graph)) this.openGraph(reference.graph);
      return;
    }
    const node = this.scene.find(reference.node);
    if (node === undefined) {
      // The node may be of the drawing that is being laid out.
      this.pending = reference;
      return;
    }
    this.select(node, { tellHost: false });
    this.view.reveal(this.scene.boxOf(node));
  }

  private openNode(node: number): void {
    const graph = this.scene?.graph.nodes[node]?.graphs?.[0];
    if (graph !== undefined) this.openGraph(graph);
    else this.select(node, { tellHost: true });
  }

  private showMark({ finding, outlines }: Mark): void {
    const node = finding.nodes[0];
    if (node === undefined) return;
    this.select(node, { tellHost: true });
    const area = outlines[0];
    if (area) this.view.reveal(area);
  }

  /** Go to the next finding of a kind after the selected one, in any graph. */
  private showNext(state: Mark['finding']['state']): void {
    if (!this.model) return;
    const { drawing } = this.model;
    const findings = drawing.findings.filter((finding) => finding.state === state && finding.nodes.length > 0);
    const graph = drawing.graphs.findIndex(({ id }) => id === this.graphId);
    const node = this.selected === undefined ? undefined : this.scene?.find(this.selected);
    const current = findings.findIndex(
      (finding) => finding.graph === graph && node !== undefined && finding.nodes.includes(node),
    );
    const next = findings[(current + 1) % findings.length];
    if (!next) return;
    const target = drawing.graphs[next.graph]!;
    this.reveal({ graph: target.id, node: target.nodes[next.nodes[0]!]!.id });
    this.view.canvas.focus();
  }

  private onMove(): void {
    this.frame.showZoom();
    this.saveSoon();
  }

  private saveSoon(): void {
    clearTimeout(this.saveTimer);
    this.saveTimer = setTimeout(() => this.save(), SAVE_DELAY_MS);
  }

  private save(): void {
    if (!this.model || !this.scene || this.graphId === undefined) return;
    const { camera, wheelMode } = this.view;
    const { x, y } = camera.toDrawing(camera.width / 2, camera.height / 2);
    this.host.setState({
      uri: this.model.uri,
      graph: this.graphId,
      selected: this.selected,
      scale: camera.scale,
      x,
      y,
      wheelMode,
    });
  }
}
