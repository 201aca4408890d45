"""Write the models of ONNX's own test cases to a folder.

node/ gets those of onnx.backend.test.case.node, data/ those that the onnx
package ships in backend/test/data.

usage: python onnx-cases.py FOLDER
"""

import pathlib
import shutil
import sys
import warnings

import onnx


def write_cases(folder):
    """Both kinds, as .onnx files in `folder`; returns how many there are of each."""
    from onnx.backend.test.case.node import collect_testcases

    node, data = folder / "node", folder / "data"
    node.mkdir(parents=True, exist_ok=True)
    data.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = [case for case in collect_testcases(None) if case.model is not None]
    for case in cases:
        (node / f"{case.name}.onnx").write_bytes(case.model.SerializeToString())
    root = pathlib.Path(onnx.__file__).parent / "backend/test/data"
    shipped = sorted(root.rglob("*.onnx"))
    for file in shipped:
        shutil.copyfile(file, data / "__".join(file.relative_to(root).parts))
    return len(cases), len(shipped)


if __name__ == "__main__":
    write_cases(pathlib.Path(sys.argv[1]))
