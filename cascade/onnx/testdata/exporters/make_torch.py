"""PyTorch's models by torch.onnx.export.

    apt-get install python3-torch    # 1.13.1 without CUDA; any PyTorch serves
    python3 make_torch.py

torch_training.onnx was exported in training mode, torch_softmax0.onnx takes its softmax over the batch: both give a row
other scores beside other rows. torch_fixed.onnx was exported without dynamic_axes, torch_flat.onnx drops the column.
"""

import io

import torch
from torch import nn

from common import FEATURES, flows, save


class Scaled(nn.Module):
    """Rows to about 0 to 1, then the layers."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x / 100)


class Flat(Scaled):
    def forward(self, x):
        return super().forward(x).squeeze(-1)


def export(name, model, **options):
    rows = torch.from_numpy(flows(3)[0])
    options = {"dynamic_axes": {"features": {0: "batch"}, "scores": {0: "batch"}}, "opset_version": 15} | options
    if "training" not in options:
        model.eval()
    out = io.BytesIO()
    torch.onnx.export(model, rows[:2], out, input_names=["features"], output_names=["scores"], **options)
    save(name, out.getvalue(), rows.numpy(), model(rows).detach().numpy())


torch.manual_seed(1)
export("torch", Scaled(nn.Linear(FEATURES, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3)))
two = Scaled(nn.Linear(FEATURES, 6), nn.ReLU(), nn.Linear(6, 1))
two.layers[-1].weight.data *= 20  # both classes win rows
two.layers[-1].bias.data += 3
export("torch_two", two)
export("torch_two_sigmoid", Scaled(nn.Linear(FEATURES, 6), nn.ReLU(), nn.Linear(6, 1), nn.Sigmoid()))
export("torch_training", Scaled(nn.Linear(FEATURES, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)),
       training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False)
export("torch_softmax0", Scaled(nn.Linear(FEATURES, 3), nn.Softmax(dim=0)))
export("torch_fixed", Scaled(nn.Linear(FEATURES, 3)), dynamic_axes=None)
export("torch_flat", Flat(nn.Linear(FEATURES, 1), nn.Sigmoid()))
