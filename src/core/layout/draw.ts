import { findFused, findFusions } from '../fusion/find';
import type { Model } from '../onnx/model';
import { drawingOf, type DrawingOptions } from './drawModel';
import { svgOf } from './svg';

/** The main graph of a model as an SVG document, with its pairs marked. */
export function drawModel(model: Model, options: DrawingOptions = {}): string {
  return svgOf(drawingOf(model, findFusions(model, options), findFused(model), options));
}
