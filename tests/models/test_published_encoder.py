"""AudioSetEncoder equals the published network, whose outputs are golden values.

The published network is that of the package `transformers`, which tests do not install: where it
is, torchmetrics imports it with every `import pytorch_lightning`, a second of processor time.

python -m pip install 'transformers>=5,<6'
python -m pytest -m slow tests/models/test_published_encoder.py                   # compare again
python -m pytest -m slow tests/models/test_published_encoder.py --write-golden    # write them
"""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ai_mixer.models.audioset_encoder import AudioSetEncoder
from ai_mixer.models.audioset_weights import convert_keys
from helpers.signals import noise

GOLDEN = Path(__file__).parent / "golden" / "audioset_encoder.json"
FULL = 1024 * 160 + 240  # samples at 16 kHz of the 1024 frames of the training input
SHORTER = (16, 100, 498, 1023)  # frames
SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
STEPS = (slice(None), slice(None, None, 9), slice(None, None, 61))  # of a spectrogram


def random_tensors(shapes):
    generator = torch.Generator().manual_seed(0)
    return {name: 0.2 * torch.randn(shapes[name], generator=generator) for name in sorted(shapes)}


@torch.no_grad()
def published_outputs(folder):
    """Names and shapes of the file that `transformers` writes, and what its network returns."""
    transformers = pytest.importorskip("transformers", reason="computes the golden values")
    network = transformers.ASTForAudioClassification
    network(transformers.ASTConfig(**SIZE, intermediate_size=128)).save_pretrained(folder)
    shapes = {
        name: list(weights.shape)
        for name, weights in load_file(folder / "model.safetensors").items()
    }
    save_file(random_tensors(shapes), folder / "model.safetensors", {"format": "pt"})
    long = network.from_pretrained(folder).eval().audio_spectrogram_transformer
    rows = [row.numpy() for row in noise(2, 1, FULL)[:, 0]]
    extractor = transformers.ASTFeatureExtractor()
    given = extractor(rows, sampling_rate=16000, return_tensors="pt")
    shorter = {}
    for frames in SHORTER:
        audio = noise(1, 1, frames * 160 + 240)[0].numpy()
        one = transformers.ASTFeatureExtractor(max_length=frames)
        spectrogram = one(list(audio), sampling_rate=16000, return_tensors="pt")
        shorter[str(frames)] = shortened(transformers, long, frames)(**spectrogram).pooler_output
    outputs = {
        "spectrogram": given["input_values"].transpose(1, 2)[STEPS],
        "embedding": long(**given).pooler_output,
        **shorter,
    }
    return {"shapes": shapes} | {name: values.tolist() for name, values in outputs.items()}


def shortened(transformers, long, frames):
    """A network for that length, its positions cut from the middle of the long one's, as in the
    authors' code."""
    short = transformers.ASTModel(
        transformers.ASTConfig(**{**long.config.to_dict(), "max_length": frames})
    )
    weights, name = long.state_dict(), "embeddings.position_embeddings"
    columns = (frames - 16) // 10 + 1
    grid = weights[name][:, 2:].reshape(1, 12, 101, 32)
    middle = grid[:, :, 50 - columns // 2 :][:, :, :columns].reshape(1, -1, 32)
    short.load_state_dict({**weights, name: torch.cat([weights[name][:, :2], middle], dim=1)})
    return short.eval()


@pytest.mark.slow
def test_golden_values_are_those_of_the_published_network(tmp_path, request):
    found = published_outputs(tmp_path)
    if request.config.getoption("--write-golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(found) + "\n")
    golden = json.loads(GOLDEN.read_text())
    assert found.pop("shapes") == golden.pop("shapes")
    for name, values in found.items():
        assert_close(torch.tensor(values), golden[name])


@pytest.fixture(scope="module")
def golden():
    return json.loads(GOLDEN.read_text())


@pytest.fixture
def encoder(small_encoder, golden):
    ours = AudioSetEncoder(16000).eval()
    tensors = random_tensors(golden["shapes"])
    ours.load_state_dict(convert_keys(tensors))  # strict: no missing and no unexpected keys
    return ours


@torch.no_grad()
def test_equals_the_published_network(encoder, golden):
    """From samples to embedding."""
    audio = noise(2, 1, FULL)
    assert_close(encoder.spectrogram(audio)[STEPS], golden["spectrogram"])
    assert torch.tensor(golden["embedding"]).std() > 0.1
    assert_close(encoder(audio), golden["embedding"])


@torch.no_grad()
@pytest.mark.parametrize("frames", SHORTER)
def test_shorter_excerpts_use_the_middle_of_the_positions(encoder, golden, frames):
    assert_close(encoder(noise(1, 1, frames * 160 + 240)), golden[str(frames)])


def assert_close(found, expected):
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-4, rtol=0)
