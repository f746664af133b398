"""`ai-mixer enhance`: a little better, without a model."""

from typing import TYPE_CHECKING

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.batch import Job, mix_all
from ai_mixer.cli.commands.parsing import outputs, wishes_from

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_result import Outcome


def enhance(
    songs: options.Songs,
    output: options.Output = None,
    amount: options.Amount = [],  # noqa: B006
    only: options.Only = None,
    settings: options.Set = [],  # noqa: B006
    ceiling: options.Ceiling = -1.0,
    force: options.Force = False,
) -> None:
    """Enhance finished songs: a gentle balance, a little more life, the level kept."""
    wishes = wishes_from(amount, only, settings, None)
    places = outputs(songs, output, "enhanced")
    from ai_mixer.mixing.enhance import enhance as enhance_file

    def work(job: Job) -> "Outcome":
        return enhance_file(job.song, job.output, wishes=wishes, ceiling_db=ceiling, force=force)

    jobs = [Job(song, place) for song, place in zip(songs, places, strict=True)]
    mix_all(jobs, work, "enhancing")
