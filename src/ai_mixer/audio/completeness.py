"""Notes on files that cannot be read whole."""

from ai_mixer.audio.open_audio import AudioDecoder
from ai_mixer.audio.sndfile import TOLERANCE_S


class Completeness:
    """What a file declares, to be compared with what can be read of it."""

    def __init__(self, file: AudioDecoder) -> None:
        self.declared_frames, self.has_end = file.declared_frames, file.has_end
        self.sample_rate = file.samplerate

    def note(self, frames: int) -> str | None:
        """Describe what is missing if `frames` samples can be read; None if nothing is.

        The end of some formats is marked, without a length: then only the place is known.
        """
        read_s = frames / self.sample_rate
        if self.declared_frames is not None:
            declared_s = self.declared_frames / self.sample_rate
            if read_s < declared_s - TOLERANCE_S:
                return f"breaks off after {read_s:.1f} of {declared_s:.1f} s"
        return None if self.has_end else f"breaks off after {read_s:.1f} s"
