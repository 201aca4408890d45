"""Fuses models with the command line, and has the official checker and ONNX Runtime judge the results.

    npm run build && PYTHON scripts/check-fused.py [FOLDER_OR_FILE…]

Without arguments: ../shared/models/conv-instancenorm and …/pytorch. Needs the
packages onnx and onnxruntime. A model counts only if the checker and ONNX
Runtime take the original; the fused one must then pass
`onnx.checker.check_model(full_check=True)` and load. Prints what fails and the
counts; exits with 1 when anything fails.
"""

import pathlib
import subprocess
import sys
import tempfile

import onnx
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "models"


def verdict(path: pathlib.Path) -> str:
    """What is wrong with the model at `path`; '' when nothing is."""
    try:
        onnx.checker.check_model(str(path), full_check=True)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # whatever the two raise is the verdict
        return str(error).strip().splitlines()[0] or type(error).__name__
    return ""


def main() -> int:
    given = [pathlib.Path(argument) for argument in sys.argv[1:]]
    given = given or [SHARED / "conv-instancenorm", SHARED / "pytorch"]
    files = [file for place in given for file in (sorted(place.rglob("*.onnx")) if place.is_dir() else [place])]
    counts = {"models": 0, "refused before fusing": 0, "without a pair": 0, "fused": 0, "failed": 0}
    nodes = 0
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder) / "fused.onnx"
        for file in files:
            counts["models"] += 1
            if verdict(file):
                counts["refused before fusing"] += 1
                continue
            command = ["node", str(ROOT / "dist" / "cli.js"), "fuse", str(file), "-o", str(target)]
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode != 0:
                counts["failed"] += 1
                print(f"{file}: {run.stderr.strip()}")
                continue
            model = onnx.load(str(target), load_external_data=False)
            fused = sum(node.domain == "fusionlens" for node in model.graph.node)
            if not any(function.domain == "fusionlens" for function in model.functions):
                counts["without a pair"] += 1
                continue
            problem = verdict(target)
            counts["failed" if problem else "fused"] += 1
            nodes += 0 if problem else fused
            if problem:
                print(f"{file}: {problem}")
    print(", ".join(f"{count} {what}" for what, count in counts.items()), f"({nodes} fused nodes)")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
