"""Mix several tracks from files to a file, with settings, a report and stems."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ai_mixer.audio import AudioFile, format_of, write_audio
from ai_mixer.console import ConsoleGraph, load_console
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.inference import pretrained
from ai_mixer.inference.track_predictor import TrackPredictor, load_track_model
from ai_mixer.mastering.delivery import MAX_REDUCTION_DB, deliver_blocks, loudness_bounds
from ai_mixer.mixing.measurements import Measurements, measure
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.paths import (
    ResultFiles,
    check_not_existing,
    check_outputs,
    check_result,
    result_drafts,
    result_files,
)
from ai_mixer.mixing.render import ENCODER_PEAK_GAIN_DB
from ai_mixer.mixing.track_archive import is_archive
from ai_mixer.mixing.track_inputs import (
    STEREO,
    TrackInput,
    gain_to_track_level,
    input_notes,
    measured,
    song_format,
    track_inputs,
)
from ai_mixer.mixing.track_options import options_by_track, with_options_of_tracks
from ai_mixer.mixing.track_render import TrackRenderer
from ai_mixer.mixing.track_report import to_html
from ai_mixer.mixing.track_roles import role_notes, with_role
from ai_mixer.mixing.track_settings import (
    knobs_from_settings,
    neutral_knobs,
    predicted_knobs,
    settings_of_tracks,
)
from ai_mixer.mixing.track_starts import start_notes, with_starts
from ai_mixer.utils.atomic_write import write_draft
from ai_mixer.utils.parallel import prefetch, single_threaded
from ai_mixer.utils.unfinished import temporary_folder

DEFAULT_TARGET_LUFS = -14.0
SETTINGS_VERSION = 1


class TrackMixResult(NamedTuple):
    """Result of mixing several tracks.

    settings: of the console, by track, see `console.graph_settings`. gains_db: of each file before
    its strip. stems: files of the processed tracks and buses, whose sum is the input of the master.
    gain_db: of the mix behind the master. starts_s: of the files in the mix.
    """

    output: Path
    settings: dict[str, Any]
    gains_db: dict[str, float]
    measurements: Measurements
    notes: list[str]
    stems: list[Path]
    gain_db: float = 0.0
    starts_s: Mapping[str, float] = {}


def mix_tracks(
    paths: Sequence[str | Path],
    output: str | Path | ResultFiles | None = None,
    *,
    model: str | None = None,
    roles: Mapping[str, str] | None = None,
    leads: Sequence[str] = (),
    pans: Mapping[str, float] | None = None,
    muted: Sequence[str] = (),
    starts_s: Mapping[str, float] | None = None,
    mix_options: MixOptions | None = None,
    reference: str | Path | None = None,
    target_lufs: float | str | None = None,
    ceiling_db: float = -1.0,
    stems: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    deliver: bool = True,
    progress: Callable[[float], None] | None = None,
    strict: bool = False,
    force: bool = False,
) -> TrackMixResult:
    """Mix the tracks of one song to a file, with settings and report beside it.

    paths: files, or a folder with the tracks. They may differ in sample rate, length and channels;
    silent ones are left out. output: default `<folder>_mixed.wav`, or `mix.wav` beside the first
    file. model: one of several tracks; None: the packaged one. With an amount of 0 all tracks are
    equally loud and in the middle. roles, leads (in front), pans (−1 to 1), muted: by the name of a
    file. starts_s: silence before a file, by its name, see `with_starts`. mix_options: amounts and
    fixed settings of tracks, buses and master, see `options_by_track`. reference: a song whose
    sound a model approaches. target_lufs: −14 by default, or a name as `deliver` takes it.
    ceiling_db: highest true peak, dBTP. stems: folder for the processed tracks and buses, which sum
    to the mix before the master. settings: those of an earlier mix (`TrackMixResult.settings`)
    instead of a model's; a track is found by its name, and is neutral without an entry. deliver:
    False for the limiter of the console instead of loudness and ceiling, float32 where the format
    has it. progress: called with the share of tracks that are processed. force: overwrite existing
    files. ValueError or OSError (one line).
    """
    if settings is not None and model:
        raise ValueError("settings or a model, not both")
    target_lufs = DEFAULT_TARGET_LUFS if target_lufs in (None, "none") else target_lufs
    given = [Path(path) for path in paths]
    inputs = track_inputs(given, roles=roles, leads=leads, pans=pans, muted=muted, strict=strict)
    inputs = with_starts(inputs, starts_s)
    sources = [track.file.path for track in inputs] + ([Path(reference)] if reference else [])
    if not isinstance(output, ResultFiles):
        output = result_files(Path(output) if output else default_mix_path(given))
    check_result(output, sources, force)
    if settings is None and model is None:
        model = pretrained.track_model()
    predictor = load_track_model(model) if model else None
    console = predictor.console if predictor else load_console("studio")
    options = options_by_track(console, inputs, mix_options or MixOptions())
    with single_threaded(), result_drafts(output, force) as drafts:
        every = [track if track.muted else with_role(measured(track)) for track in inputs]
        active = [track for track in every if not (track.muted or track.silent)]
        if not active:
            raise ValueError("all tracks are silent or muted")
        names = stem_paths(stems, active, list(console.buses)) if stems else {}
        check_outputs(names.values(), [*sources, *output.paths()])
        check_not_existing(names.values(), force)
        other = AudioFile(reference, strict) if predictor and reference else None
        knobs = _chosen_knobs(console, predictor, other, settings, every, active)
        own = [options.tracks[every.index(track)] for track in active]
        knobs = with_options_of_tracks(console, knobs, active, options._replace(tracks=own))
        sample_rate, frames = song_format(every)
        with temporary_folder() as folder:
            renderer = TrackRenderer(console, knobs, active, sample_rate, frames, folder)
            tracks = [names[track.name] for track in active] if stems else None
            renderer.render(tracks, force, progress)
            written = list(tracks or [])
            for bus in renderer.bus_names() if stems else ():
                renderer.write_bus(bus, names[bus], force)
                written.append(names[bus])
            if deliver:
                after, gain_db = _deliver(renderer, drafts.audio, target_lufs, ceiling_db)
            else:
                after, gain_db = _write_limited(renderer, drafts.audio), 0.0
        notes = [*input_notes(every), *start_notes(every), *role_notes(inputs, every)]
        notes += [f"{track.name} is muted" for track in every if track.muted]
        if not predictor and settings is None:
            notes.append("no model: all tracks are equally loud and in the middle")
        result = TrackMixResult(
            output=output.audio,
            settings=settings_of_tracks(console, knobs, active),
            gains_db={t.name: 20.0 * math.log10(gain_to_track_level(t)) for t in active},
            measurements=after,
            notes=notes,
            stems=written,
            gain_db=gain_db,
            starts_s={track.name: track.start_s for track in active},
        )
        if drafts.settings:
            write_draft(drafts.settings, _to_json(result, model))
        if drafts.report:
            write_draft(drafts.report, to_html(result, console, knobs))
    return result


def _chosen_knobs(
    console: ConsoleGraph,
    predictor: TrackPredictor | None,
    reference: AudioFile | None,
    settings: Mapping[str, Any] | None,
    every: Sequence[TrackInput],
    active: Sequence[TrackInput],
) -> GraphKnobs:
    """Knobs of the active tracks: predicted, those of settings, or neutral."""
    if predictor:
        return predicted_knobs(predictor, active, reference)
    if settings is not None:
        return knobs_from_settings(console, settings, every, active)
    return neutral_knobs(console, len(active))


def default_mix_path(paths: Sequence[Path]) -> Path:
    """`<folder>_mixed.wav` beside a folder or zip file; `mix.wav` beside the first of several."""
    first = paths[0]
    if is_archive(first):
        return first.with_name(f"{first.stem}_mixed.wav")
    if first.is_dir():
        return first.resolve().with_name(f"{first.resolve().name}_mixed.wav")
    return first.with_name("mix.wav")


def stem_paths(
    folder: str | Path, tracks: Sequence[TrackInput], buses: Sequence[str]
) -> dict[str, Path]:
    """Name of a track or bus → its file below `folder`, which is created. Names stay unique."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    for name in [*(track.name for track in tracks), *buses]:
        stem = Path(name).stem
        used = {path.name.casefold() for path in paths.values()}
        candidate, number = f"{stem}.wav", 2
        while candidate.casefold() in used:
            candidate, number = f"{stem}_{number}.wav", number + 1
        paths[name] = root / candidate
    return paths


def _deliver(
    renderer: TrackRenderer, draft: Path, target_lufs: float | str | None, ceiling_db: float
) -> tuple[Measurements, float]:
    """Bring the mix to its loudness under the ceiling, write it; measurements and gain in dB."""
    if format_of(draft).lossy:
        ceiling_db -= ENCODER_PEAK_GAIN_DB
    bounds = loudness_bounds(target_lufs)
    source, delivered = deliver_blocks(
        renderer.mix, renderer.sample_rate, bounds, ceiling_db, MAX_REDUCTION_DB
    )
    write_audio(
        draft, source(), renderer.sample_rate, STEREO, renderer.frames, source_subtype="PCM_24"
    )
    written = AudioFile(draft)
    return measure(prefetch(written.blocks()), written.sample_rate), delivered.gain_db


def _write_limited(renderer: TrackRenderer, draft: Path) -> Measurements:
    """Write the mix behind the master's limiter, as it sounds live; its measurements."""
    blocks = renderer.mix(limit=True)
    write_audio(
        draft, blocks, renderer.sample_rate, STEREO, renderer.frames, source_subtype="FLOAT"
    )
    written = AudioFile(draft)
    return measure(prefetch(written.blocks()), written.sample_rate)


def _to_json(result: TrackMixResult, model: str | None) -> str:
    """Settings in units, the gain of each file before its strip, and what was measured."""
    content = {
        "version": SETTINGS_VERSION,
        "model": model,
        "settings": result.settings,
        "gain_db": {name: round(gain_db, 2) for name, gain_db in result.gains_db.items()},
        "start_s": {name: round(start_s, 6) for name, start_s in result.starts_s.items()},
        "measured": result.measurements.to_dict(),
        "notes": result.notes,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
