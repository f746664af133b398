"""`compile=true`: the same predictions and state-dict keys, by compiled modules."""

import pytest
import torch
from torch import nn

from ai_mixer.inference.builders import build_console, build_model
from ai_mixer.models.feature_model import FeatureModel, predict_audio
from ai_mixer.training.compilation import check_compiler, compile_in_place
from ai_mixer.training.preflight import check_later_steps

# torch.compile imports modules with warnings of their own.
pytestmark = pytest.mark.filterwarnings("ignore")


def tiny_model(compose, name, *overrides):
    cfg = compose(f"model={name}", *overrides, "loader.excerpt_s=1")
    torch.manual_seed(0)
    return build_model(cfg, build_console(cfg)).eval()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("baseline_cnn", ["model.channels=8"]),
        ("ast_regressor", ["model.width=16", "model.depth=1"]),
        ("weighted_ensemble", []),
        ("mean_knobs", []),
    ],
)
def test_modules_with_weights_are_compiled_and_keys_stay(compose, name, overrides):
    model = tiny_model(compose, name, *overrides)
    keys = list(model.state_dict())
    compile_in_place(model)
    assert list(model.state_dict()) == keys
    compiled = [m for m in model.modules() if m._compiled_call_impl is not None]
    names = {
        f"{name}.{key}" if name else key
        for name, module in model.named_modules()
        if module._compiled_call_impl is not None
        for key, _ in module.named_parameters()
    }
    owners = (FeatureModel, nn.ModuleList)  # used by their methods, not by calling them
    left = {name.rpartition(".")[0] for name, _ in model.named_parameters() if name not in names}
    assert all(isinstance(model.get_submodule(owner), owners) for owner in left)
    assert compiled or not list(model.children())


@pytest.mark.slow
def test_compiled_model_predicts_the_same(compose):
    model = tiny_model(compose, "baseline_cnn", "model.channels=8")
    rough, reference = 0.1 * torch.randn(2, 3, 2, 44100)
    condition = torch.tensor([0, 1, 2])
    expected = predict_audio(model, rough, reference, condition).knobs
    compile_in_place(model)
    torch._dynamo.utils.counters.clear()
    actual = predict_audio(model, rough, reference, condition).knobs
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0)


def test_missing_compiler_is_one_line(compose, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ValueError, match=r"^compile=true needs a C\+\+ compiler"):
        check_later_steps(compose("compile=true"))
    check_later_steps(compose())
    check_compiler("gpu")
