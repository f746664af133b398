"""A transformer over the tracks whose paired predictions are refined through the console."""

from ai_mixer.console import ConsoleGraph
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import Prediction
from ai_mixer.models.multitrack_transformer import MultitrackTransformer
from ai_mixer.models.track_refinement import refine_batch


class MultitrackRefined(MultitrackTransformer):
    """`MultitrackTransformer`; with the finished mix, its prediction is the prior of a fit.

    The fit renders the tracks through `console` until they sound like the finished mix
    (`track_fit`); the strength of the prior is the uncertainty of the prediction. It needs audio:
    in training, and of batches of cached features, the prediction is that of the transformer.
    Other parameters and errors: see `MultitrackTransformer`.
    """

    def __init__(
        self,
        strip_knobs: int,
        song_knobs: int,
        sample_rate: int,
        console: ConsoleGraph,
        width: int = 128,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        role_dropout: float = 0.3,
    ) -> None:
        super().__init__(
            strip_knobs, song_knobs, sample_rate, width, layers, heads, dropout, role_dropout
        )
        self.console = console

    def forward(self, batch: TrackBatch) -> Prediction:
        """Knobs and uncertainty of a batch, flat."""
        prediction = super().forward(batch)
        if self.training or not batch.has_audio:
            return prediction
        return refine_batch(self.console, self.features, batch, prediction)
