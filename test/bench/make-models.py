"""Writes full-size models with random weights, for test/bench/models.ts where there are no trained ones.

    python test/bench/make-models.py FOLDER

cyclegan_resnet9.onnx: the generator of CycleGAN (Zhu et al., 2017; Johnson et al., 2016): 9 residual blocks, 64
features, reflecting borders, input 1×3×256×256. nnunet3d.onnx: nnU-Net's plain U-Net in three dimensions (Isensee et
al., 2021) as its planner makes it for one modality: 6 stages of 32, 64, 128, 256, 320, 320 features, input 1×1×96³.
Structure and names of operators are those of PyTorch's exporter. Needs onnx and numpy.
"""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes = []
        self.weights = []

    def add(self, op, inputs, **attributes):
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def constant(self, values):
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def convolution(self, op, x, channels, out, kernel, axes, **attributes):
        shape = (channels, out) if op == "ConvTranspose" else (out, channels)
        deviation = (channels * kernel**axes) ** -0.5
        weights = self.random.normal(0, deviation, shape + (kernel,) * axes).astype(np.float32)
        bias = self.random.normal(0, 0.1, out).astype(np.float32)
        inputs = [x, self.constant(weights), self.constant(bias)]
        return self.add(op, inputs, kernel_shape=[kernel] * axes, **attributes)

    def normalize(self, x, channels, trained):
        scale = self.random.normal(1, 0.1, channels) if trained else np.ones(channels)
        bias = self.random.normal(0, 0.1, channels) if trained else np.zeros(channels)
        parameters = [self.constant(values.astype(np.float32)) for values in (scale, bias)]
        return self.add("InstanceNormalization", [x, *parameters], epsilon=1e-5)

    def save(self, path, name, output, input_shape, output_shape):
        self.nodes[-1].output[0] = "output"
        assert output == self.nodes[-1].name
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            name,
            [value("input", TensorProto.FLOAT, input_shape)],
            [value("output", TensorProto.FLOAT, output_shape)],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)


def cyclegan(path):
    g = Graph(1)

    def reflect(x, pad):
        return g.add("Pad", [x, g.constant(np.array([0, 0, pad, pad] * 2, np.int64))], mode="reflect")

    def norm_relu(x, channels):
        return g.add("Relu", [g.normalize(x, channels, False)])

    x = norm_relu(g.convolution("Conv", reflect("input", 3), 3, 64, 7, 2), 64)
    for channels in (64, 128):
        down = g.convolution("Conv", x, channels, 2 * channels, 3, 2, strides=[2, 2], pads=[1] * 4)
        x = norm_relu(down, 2 * channels)
    for _ in range(9):
        y = norm_relu(g.convolution("Conv", reflect(x, 1), 256, 256, 3, 2), 256)
        y = g.normalize(g.convolution("Conv", reflect(y, 1), 256, 256, 3, 2), 256, False)
        x = g.add("Add", [x, y])
    for channels in (256, 128):
        up = {"strides": [2, 2], "pads": [1] * 4, "output_padding": [1, 1]}
        x = norm_relu(g.convolution("ConvTranspose", x, channels, channels // 2, 3, 2, **up), channels // 2)
    x = g.add("Tanh", [g.convolution("Conv", reflect(x, 3), 64, 3, 7, 2)])
    g.save(path, "cyclegan_resnet9", x, [1, 3, 256, 256], [1, 3, 256, 256])


def nnunet(path, size=96, classes=3):
    g = Graph(2)
    features = [32, 64, 128, 256, 320, 320]

    def block(x, channels, out, stride=1):
        x = g.convolution("Conv", x, channels, out, 3, 3, strides=[stride] * 3, pads=[1] * 6)
        return g.add("LeakyRelu", [g.normalize(x, out, True)], alpha=0.01)

    x, skips = "input", []
    for stage, out in enumerate(features):
        channels = 1 if stage == 0 else features[stage - 1]
        x = block(block(x, channels, out, 1 if stage == 0 else 2), out, out)
        skips.append(x)
    for stage in range(len(features) - 2, -1, -1):
        out = features[stage]
        x = g.convolution("ConvTranspose", x, features[stage + 1], out, 2, 3, strides=[2] * 3)
        x = g.add("Concat", [x, skips[stage]], axis=1)
        x = block(block(x, 2 * out, out), out, out)
    x = g.convolution("Conv", x, features[0], classes, 1, 3)
    g.save(path, "nnunet3d", x, [1, 1, size, size, size], [1, classes, size, size, size])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    cyclegan(os.path.join(sys.argv[1], "cyclegan_resnet9.onnx"))
    nnunet(os.path.join(sys.argv[1], "nnunet3d.onnx"))
