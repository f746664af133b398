"""`ai-mixer master --album`: the levels of several songs together, and one page about them."""

from collections.abc import Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING

from ai_mixer.cli.commands.jobs import MixJob, is_folder
from ai_mixer.cli.commands.parsing import print_line
from ai_mixer.cli.commands.pipes import is_pipe

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_result import MixResult


def check_album(
    album: str | None,
    songs: Sequence[Path],
    output: Path | None,
    target: float | str | None,
    references: Sized,
) -> None:
    """ValueError (one line) if an album is not possible with the other options."""
    if album is None:
        return
    from ai_mixer.mixing.album import MODES

    if album not in MODES:
        raise ValueError(f"--album {album}: there is {', '.join(MODES)}")
    if len(songs) < 2 or any(map(is_pipe, songs)):
        raise ValueError(f"--album {album}: needs several files, got {len(songs)}")
    if output is not None and not is_folder(output):
        raise ValueError(f"--album {album}: -o must be a folder, got {output}")
    if isinstance(target, str) or (references and target is None):
        raise ValueError(f"--album {album}: give --target in LUFS, or leave it out")


def album_targets(
    jobs: Sequence[MixJob], album: str | None, target: float | str | None
) -> dict[Path, float | str | None]:
    """The loudness target of each song."""
    if album is None:
        return {job.song: target for job in jobs}
    from ai_mixer.audio import AudioFile
    from ai_mixer.mixing.album import album_targets_lufs
    from ai_mixer.mixing.measurements import Measurements, measure
    from ai_mixer.utils.parallel import parallel_map

    def measure_song(job: MixJob) -> Measurements:
        song = AudioFile(job.song)
        return measure(song.blocks(), song.sample_rate)

    before = list(parallel_map(measure_song, jobs, "measuring"))
    wanted = target if isinstance(target, float) else None
    targets = album_targets_lufs(before, album, wanted)
    return dict(zip([job.song for job in jobs], targets, strict=True))


def write_album_page(results: "list[MixResult]", album: str, page: Path, force: bool) -> None:
    """Write the page and print its name, with notes on songs that are below their place."""
    from ai_mixer.mixing.album import album_notes, album_page
    from ai_mixer.utils.atomic_write import exclusive_write, write_draft

    with exclusive_write(page, force) as draft:
        write_draft(draft, album_page(results, album, page.parent))
    for note in album_notes(results):
        print_line(f"note: {note}")
    print_line(f"album: {page}")
