"""Times the official tools on a model: official.py FILE RUNS. Prints one JSON line; times in milliseconds."""
import json, resource, sys, time
import onnx, onnx.parser, onnx.printer

file, runs = sys.argv[1], int(sys.argv[2])
times = {'load': [], 'print': [], 'parse': []}

def timed(key, run):
    start = time.process_time()
    result = run()
    times[key].append((time.process_time() - start) * 1000)
    return result

def elide(graph):
    for tensor in graph.initializer:
        for field in ('raw_data', 'float_data', 'int32_data', 'int64_data', 'double_data', 'uint64_data', 'string_data'):
            tensor.ClearField(field)

for _ in range(runs):
    model = timed('load', lambda: onnx.load(file))
    elide(model.graph)
    text = timed('print', lambda: onnx.printer.to_text(model))
    timed('parse', lambda: onnx.parser.parse_model(text))
print(json.dumps({'version': onnx.__version__, 'times': times, 'peakMB': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
