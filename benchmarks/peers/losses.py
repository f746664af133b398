"""The audio losses with the gradient to the mix, against auraloss's default distance."""

from collections.abc import Iterator

from comparison import PeerComparison
from torch import Tensor

from ai_mixer.core.types import Prediction
from ai_mixer.evaluation.bench.synthetic_input import synthetic_batch
from ai_mixer.evaluation.bench.timing import TimedFunction
from ai_mixer.evaluation.bench.workloads import Workload, forward_backward
from ai_mixer.losses.balance import SpectralBalanceLoss
from ai_mixer.losses.dynamics import DynamicsLoss
from ai_mixer.losses.objective import WeightedLoss
from ai_mixer.losses.perceptual import PerceptualLoss


def comparisons(audio: Tensor, rate: int) -> Iterator[PeerComparison]:
    """The three audio terms together."""
    batch = synthetic_batch(audio, rate)
    terms = {
        "perceptual": PerceptualLoss(),
        "balance": SpectralBalanceLoss(),
        "dynamics": DynamicsLoss(),
    }
    objective = WeightedLoss(
        {name: {"weight": 1.0, "scale": 1.0, "term": term} for name, term in terms.items()}
    )
    ours = Workload("ours", lambda x: objective(Prediction(batch.knobs), x, batch)[0], (audio,))
    yield PeerComparison(
        "perceptual + balance + dynamics, f+b",
        forward_backward(ours),
        {"auraloss, default resolutions": lambda: _auraloss(audio, batch.finished)},
        min_speedups={"auraloss, default resolutions": 3.0},
    )


def _auraloss(audio: Tensor, finished: Tensor) -> TimedFunction:
    from auraloss.freq import MultiResolutionSTFTLoss

    distance = MultiResolutionSTFTLoss()
    return forward_backward(Workload("auraloss", lambda x: distance(x, finished), (audio,)))
