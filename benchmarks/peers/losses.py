"""What a mix is blamed for, with the gradient to the mix, beside auraloss's default distance."""

from collections.abc import Iterator

from contest import Contest
from torch import Tensor

from ai_mixer.evaluation.bench.timing import Job
from ai_mixer.evaluation.bench.workloads import Work, compared, forward_backward
from ai_mixer.losses.balance import Balance
from ai_mixer.losses.dynamics import Dynamics
from ai_mixer.losses.objective import Objective
from ai_mixer.losses.perceptual import Perceptual


def contests(audio: Tensor, rate: int) -> Iterator[Contest]:
    """The three audio terms together."""
    batch = compared(audio, rate)
    terms = {"perceptual": Perceptual(), "balance": Balance(), "dynamics": Dynamics()}
    objective = Objective(
        {name: {"weight": 1.0, "scale": 1.0, "term": term} for name, term in terms.items()}
    )
    ours = Work("ours", lambda x: objective(batch.knobs, x, batch)[0], (audio,))
    yield Contest(
        "perceptual + balance + dynamics, f+b",
        forward_backward(ours),
        {"auraloss, default resolutions": lambda: _auraloss(audio, batch.finished)},
        bars={"auraloss, default resolutions": 3.0},
    )


def _auraloss(audio: Tensor, finished: Tensor) -> Job:
    from auraloss.freq import MultiResolutionSTFTLoss

    distance = MultiResolutionSTFTLoss()
    return forward_backward(Work("auraloss", lambda x: distance(x, finished), (audio,)))
