"""`torch.export`: of the network alone; the features are refused with this way out."""

import pytest
import torch

from ai_mixer.core.types import Features
from ai_mixer.models.enhanced_cnn import EnhancedCNN
from helpers.signals import noise


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return EnhancedCNN(n_knobs=10, sample_rate=44100).eval()


@pytest.fixture(scope="module")
def inputs():
    return noise(2, 2, seconds=0.5), noise(2, 2, seconds=0.5, seed=1), torch.tensor([1, 2])


class Network(torch.nn.Module):
    """The part of a model after its features."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, log_mel, statistics, condition):
        return self.model.predict(Features(log_mel, statistics), condition).knobs


def test_exported_network_equals_the_model(model, inputs):
    condition = inputs[2]
    arguments = (*model.extract(*inputs), condition)
    program = torch.export.export(Network(model), arguments)
    torch.testing.assert_close(program.module()(*arguments), model(*inputs))


def test_export_of_features_is_refused_with_the_way_out(model, inputs):
    with pytest.raises(RuntimeError, match=r"^[^\n]*torch\.export[^\n]*model\.predict\([^\n]*$"):
        torch.export.export(model, inputs)
