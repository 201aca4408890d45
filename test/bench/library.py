"""Runs a model and its fused version in the Python package onnxruntime, compares the outputs and measures the speedup.

    node dist/cli.js fuse model.onnx -o fused.onnx
    python test/bench/library.py model.onnx fused.onnx [--threads 1] [--size NAME=N …] [--exact] [--seconds 5]

Needs onnxruntime (1.17 or later) and numpy. The two sessions take turns; a ratio is that of the medians.
"""

import argparse
import os
import statistics
import sys
import time

import numpy as np
import onnxruntime as ort

NAMES = {"linux": "libfusionlens_ops.so", "darwin": "libfusionlens_ops.dylib", "win32": "fusionlens_ops.dll"}
LIBRARY = os.path.join(os.path.dirname(__file__), "..", "..", "dist", "kernel", NAMES[sys.platform])
TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64, "tensor(bool)": np.bool_}


def open_session(model, threads, library=None, exact=False):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    # A spinning thread of one session would take time from the other.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if library is not None:
        options.add_session_config_entry("fusionlens.threads", str(threads))
        options.add_session_config_entry("fusionlens.exact", "1" if exact else "0")
        options.register_custom_ops_library(library)
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def random_inputs(session, sizes):
    random = np.random.default_rng(1)
    feeds = {}
    for value in session.get_inputs():
        shape = [size if isinstance(size, int) else sizes.get(size, 1) for size in value.shape]
        kind = TYPES.get(value.type)
        if kind is None:
            sys.exit(f"input {value.name} has type {value.type}, which this script can't fill")
        is_float = np.issubdtype(kind, np.floating)
        feeds[value.name] = random.standard_normal(shape).astype(kind) if is_float else np.ones(shape, kind)
    return feeds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("fused")
    parser.add_argument("--library", default=LIBRARY)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--size", action="append", default=[], metavar="NAME=N", help="a symbolic dimension's size")
    parser.add_argument("--exact", action="store_true", help="without Winograd's algorithm")
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    sizes = {name: int(size) for name, size in (entry.split("=") for entry in arguments.size)}

    stock = open_session(arguments.model, arguments.threads)
    fused = open_session(arguments.fused, arguments.threads, arguments.library, arguments.exact)
    feeds = random_inputs(stock, sizes)
    worst = 0.0
    for expected, actual in zip(stock.run(None, feeds), fused.run(None, feeds)):
        if expected.shape != actual.shape:
            sys.exit(f"the outputs' shapes differ: {expected.shape} and {actual.shape}")
        scale = max(float(np.abs(expected).max()), 1e-30)
        worst = max(worst, float(np.abs(expected - actual).max()) / scale)

    times = {stock: [], fused: []}
    # On one thread processor time, which other programs on the machine disturb least.
    clock = time.process_time if arguments.threads == 1 else time.perf_counter
    end = time.perf_counter() + arguments.seconds
    while time.perf_counter() < end or len(times[stock]) < 5:
        for session in (stock, fused):
            start = clock()
            session.run(None, feeds)
            times[session].append(1000 * (clock() - start))
    before, after = statistics.median(times[stock]), statistics.median(times[fused])
    print(
        f"onnxruntime {ort.__version__}, {arguments.threads} thread(s), {len(times[stock])} rounds: "
        f"stock {before:.2f} ms, fused {after:.2f} ms, {before / after:.2f}x; largest error {worst:.1e} of the scale"
    )
    if not worst < 1e-3:
        sys.exit("the outputs differ")


if __name__ == "__main__":
    main()
