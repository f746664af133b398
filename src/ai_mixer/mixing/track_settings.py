"""Knobs of several tracks: by a model, else equal loudness; changed by options."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.console import ConsoleGraph
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import CONDITIONS, Condition
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.inference.shrinkage import shrink_to_neutral
from ai_mixer.inference.track_predictor import TrackPredictor
from ai_mixer.metrics.track_skill import FADER, PAN, knob_columns
from ai_mixer.mixing.track_inputs import TrackInput, gain_to_track_level, read_window

LEAD_GAIN_DB = 3.0  # of a lead over what it would have
MAX_WINDOWS = 8
REFERENCE_S = 20.0
HEARD_LUFS = -55.0  # of a track in a window, after its normalisation


def neutral_knobs(console: ConsoleGraph, tracks: int) -> GraphKnobs:
    """All tracks equally loud, in the middle, without effects."""
    return console.neutral(tracks)


def knobs_from_settings(
    console: ConsoleGraph,
    settings: Mapping[str, Any],
    inputs: Sequence[TrackInput],
    active: Sequence[TrackInput],
) -> GraphKnobs:
    """Knobs of the active tracks from settings by the names of tracks, see `graph_settings`.

    ValueError (one line) for a name that is no track, or two entries of one name.
    """
    entries = {str(entry.get("name", "")): entry for entry in settings["tracks"]}
    names = [track.name for track in inputs]
    if len(entries) < len(settings["tracks"]):
        raise ValueError("settings: every track needs a name of its own")
    for name in entries:
        if name not in names:
            raise ValueError(f"settings of {name!r}: the tracks are {', '.join(names)}")
    tracks = [{**entries.get(track.name, {}), "role": track.role} for track in active]
    return console.knobs_from({**settings, "tracks": tracks})


def settings_of_tracks(
    console: ConsoleGraph, knobs: GraphKnobs, tracks: Sequence[TrackInput]
) -> dict[str, Any]:
    """Settings in units, with names and roles of the tracks, see `graph_settings`."""
    names = [[track.name for track in tracks]]
    roles = torch.tensor([[track.role_index for track in tracks]])
    knobs = GraphKnobs(*(part.clamp(0.0, 1.0) for part in knobs))
    settings: dict[str, Any] = console.settings(knobs, names=names, roles=roles)[0]
    return settings


@torch.no_grad()
def predicted_knobs(
    predictor: TrackPredictor, inputs: Sequence[TrackInput], reference: AudioFile | None
) -> GraphKnobs:
    """Knobs of one song: the mean over windows in which each track is heard.

    Uncertain knobs are moved towards neutral, as for one file; faders are not: those of the
    training examples are the levels of mixes, so that the prediction is already as far from equal
    loudness as it should be.
    """
    rate = predictor.sample_rate
    samples = round((predictor.excerpt_s or REFERENCE_S) * rate)
    duration_s = max(track.end_s for track in inputs)
    last = max(0.0, duration_s - samples / rate)
    count = min(MAX_WINDOWS, max(1, int(duration_s * rate // samples)))
    starts = torch.linspace(0.0, last, count + 2)[1:-1] if count > 1 else torch.tensor([last / 2])
    other = _reference(reference, rate)
    neutral = predictor.console.neutral(len(inputs))
    sums, weights = torch.zeros_like(neutral.strips[0]), torch.zeros(len(inputs), 1)
    song_sum, windows = torch.zeros(neutral.buses.shape[1] + neutral.master.shape[1]), 0
    for start_s in starts.tolist():
        tracks = torch.stack(
            [
                read_window(track, start_s, samples, rate) * gain_to_track_level(track)
                for track in inputs
            ]
        )
        heard = loudness_lufs(tracks, rate) > HEARD_LUFS
        if not heard.any():
            continue
        knobs = _predict_window(predictor, inputs, tracks, heard, other)
        sums += torch.where(heard[:, None], knobs.strips[0], 0.0)
        weights += heard[:, None].float()
        song_sum += torch.cat([knobs.buses, knobs.master], 1)[0]
        windows += 1
    if not windows:
        return neutral
    strips = torch.where(weights > 0, sums / weights.clamp_min(1.0), neutral.strips[0])
    song = song_sum / windows
    sizes = [neutral.buses.shape[1], neutral.master.shape[1]]
    buses, master = torch.split(song, sizes)
    return GraphKnobs(strips[None], buses[None].clamp(0, 1), master[None].clamp(0, 1))


def apply_options(
    console: ConsoleGraph, knobs: GraphKnobs, inputs: Sequence[TrackInput]
) -> GraphKnobs:
    """Knobs with the pans that are given, and leads raised."""
    strips = knobs.strips.clone()
    columns = {knob.name: (n, knob) for n, knob in enumerate(console.layout.strip)}
    fader, pan = columns[FADER], columns[PAN]
    for row, track in enumerate(inputs):
        if track.lead:
            level_db = fader[1].to_physical(strips[0, row, fader[0]]) + LEAD_GAIN_DB
            strips[0, row, fader[0]] = fader[1].to_position(level_db).clamp(0.0, 1.0)
        if track.pan is not None:
            place = torch.tensor(track.pan).clamp(pan[1].low, pan[1].high)
            strips[0, row, pan[0]] = pan[1].to_position(place)
    return knobs._replace(strips=strips)


def _predict_window(
    predictor: TrackPredictor,
    inputs: Sequence[TrackInput],
    tracks: Tensor,
    heard: Tensor,
    reference: Tensor | None,
) -> GraphKnobs:
    condition: Condition = "blind" if reference is None else "reference"
    layout, count = predictor.console.layout, len(inputs)
    size = count * len(layout.strip) + layout.bus_knobs + len(layout.master)
    nothing = torch.zeros(1, 2, tracks.shape[-1])
    batch = TrackBatch(
        rough=tracks.sum(0, keepdim=True),
        finished=nothing,
        reference=nothing if reference is None else reference[None],
        condition=torch.tensor([CONDITIONS.index(condition)]),
        knobs=torch.zeros(1, size),
        mask=torch.ones(1, size, dtype=torch.bool),
        genre=torch.tensor([-1]),
        sample_rate=predictor.sample_rate,
        song_id=[""],
        tracks=tracks[None],
        track_mask=heard[None],
        roles=torch.tensor([[track.role_index for track in inputs]]),
        raw_gain_db=torch.zeros(1, count),
    )
    neutral, predicted = predictor.console.neutral(count).flat()[0], predictor.predict(batch)
    knobs = shrink_to_neutral(predicted, neutral).knobs
    faders = knob_columns(layout, count)[FADER]
    knobs[:, faders] = predicted.knobs[:, faders]
    return layout.from_flat(knobs)


def _reference(file: AudioFile | None, sample_rate: int) -> Tensor | None:
    """The middle of a song [2, T] at a sample rate."""
    if file is None:
        return None
    seconds = min(REFERENCE_S, file.duration_s)
    track = TrackInput(file, None)
    start_s = (file.duration_s - seconds) / 2
    return read_window(track, start_s, round(seconds * sample_rate), sample_rate)
