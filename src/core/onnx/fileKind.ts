import type { ByteSource } from '../wire/source';

const signatures: readonly (readonly [prefix: readonly number[], what: string])[] = [
  [[0x50, 0x4b, 0x03, 0x04], 'a ZIP archive (a PyTorch checkpoint is one); an .onnx may be inside it'],
  [[0x1f, 0x8b], 'gzip-compressed; decompress it first'],
  [[0x89, 0x48, 0x44, 0x46], 'an HDF5 file (Keras weights); export the model to ONNX'],
  [[0x80, 0x02], 'a Python pickle (a PyTorch checkpoint); export the model to ONNX'],
  [[0x7f, 0x45, 0x4c, 0x46], 'an ELF program'],
  [[0x89, 0x50, 0x4e, 0x47], 'a PNG image'],
];

/**
 * What a file that isn't an ONNX model seems to be, as the end of a sentence
 * "it is …", or `undefined` when its first bytes don't tell.
 */
export function describeFile(source: ByteSource): string | undefined {
  if (source.size === 0) return 'empty';
  const head = source.read(0, Math.min(source.size, 512));
  const text = String.fromCharCode(...head);
  if (text.slice(4, 8) === 'ORTM')
    return "an ONNX Runtime .ort file, which can't be converted back; open the .onnx it came from";
  if (text.slice(4, 8) === 'TFL3') return 'a TensorFlow Lite model';
  for (const [prefix, what] of signatures) {
    if (prefix.every((byte, i) => head[i] === byte)) return what;
  }
  if (head.every((byte) => byte === 0)) return 'filled with zeros, as an interrupted download leaves it';
  if (!head.every((byte) => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13)) return undefined;
  const start = text.trimStart();
  if (start.startsWith('version https://git-lfs')) return 'a Git LFS pointer; fetch the model with "git lfs pull"';
  if (/^<(!doctype|html|\?xml)/i.test(start)) return 'a web page, perhaps saved in place of the model';
  if (/^(ir_version|producer_name|graph|opset_import|node|name)\s*[:{]/.test(start)) {
    return 'a model in the protobuf text format; convert it to the binary format first';
  }
  if (/^</.test(start) && /ir_version\s*:/.test(start)) return 'ONNX text; name it .onnxtxt';
  return 'text';
}
