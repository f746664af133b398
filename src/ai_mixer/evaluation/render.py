"""Render listening samples of a model: rough, mix and finished version of held-out songs."""

from pathlib import Path

import torch
from omegaconf import DictConfig

from ai_mixer.config.stage_command import stage_command
from ai_mixer.console import Console
from ai_mixer.core.types import CONDITIONS, GENRES, Batch, Condition, Split
from ai_mixer.core.units import SILENCE_DB, gain_value_db
from ai_mixer.data.dataset import SongDataset
from ai_mixer.data.skipped_songs import SkippedSongs
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.evaluation.holdout_filter import holdout_songs
from ai_mixer.inference.predictor import Predictor
from ai_mixer.listening import Mix, SongSamples, setting_rows, write_flac_files, write_page
from ai_mixer.listening.labels import format_setting, readable_name
from ai_mixer.metrics.distance import distances
from ai_mixer.metrics.knob_skill import gain_knobs
from ai_mixer.training.builders import build_evaluation_datamodule
from ai_mixer.utils.log import logger
from ai_mixer.utils.progress import progress_bar


def render(
    predictor: Predictor,
    folder: Path,
    *,
    run: str | None = None,
    data: DictConfig | None = None,
    title: str = "ai_mixer",
    headline: dict[str, float | str] | None = None,
    split: Split = "test",
    songs: int = 4,
    seconds: float = 10.0,
    allow_seen: bool = False,
    seed: int = 0,
) -> Path:
    """Write `folder/index.html` and FLAC files of held-out songs. Return the page's path.

    run: whose samples these are, for the command that opens them with live knobs; None if `folder`
    is another one. data: a composed data config; None for the run's own songs. The condition
    alternates from song to song, so that the page holds blind, reference and paired mixes.
    allow_seen: also render songs that the model has seen in training, and mark the page; without it
    they are left out. ValueError if no song is left.
    """
    loader = {"excerpt_s": seconds, "held_out_per_song": 1, "seed": seed}
    datamodule = build_evaluation_datamodule(
        predictor.config, predictor.console, data, "any", **loader
    )
    dataset = datamodule.dataset(split)
    holdout = holdout_songs(
        dataset.songs,
        {"model": predictor},
        datamodule.metadata_cache,
        own_test="model" if data is None and split == "test" else None,
        allow_seen=allow_seen,
    )
    dataset.songs = holdout.songs
    notes = " ".join(f"{line[0].upper()}{line[1:]}." for line in holdout.notes())
    if notes:
        logger.info(notes)
    count = min(songs, len(dataset))
    indices = [item * len(dataset) // count for item in range(count)]
    samples = [
        _sample(predictor, dataset, index, CONDITIONS[number % len(CONDITIONS)])
        for number, index in progress_bar(list(enumerate(indices)), "rendering songs")
    ]
    samples = list(
        {sample.name: sample for sample in samples}.values()
    )  # duplicates of skipped songs
    for sample in samples:
        write_flac_files(folder, sample)
    subtitle = " ".join(filter(None, [notes, _app_hint(run) if run else ""]))
    return write_page(
        folder / "index.html", holdout.mark(title), samples, subtitle=subtitle, headline=headline
    )


def _app_hint(run: str) -> str:
    """The command that opens the samples of a run with live knobs."""
    return f"To turn the knobs of these songs: {stage_command('app', [f'run={run}'])}"


@torch.inference_mode()
def _sample(
    predictor: Predictor, dataset: SongDataset, index: int, condition: Condition
) -> SongSamples:
    dataset.task.condition = condition
    batch = Batch.collate([dataset[0, index]])
    SkippedSongs().add(batch.skipped)
    mix = mix_sample(predictor, batch, condition, predictor.console)
    return song_samples(batch, condition, {"mix": mix}, predictor.console)


def mix_sample(predictor: Predictor, batch: Batch, condition: Condition, console: Console) -> Mix:
    """Mix a batch of one song with the applied knobs, without refinement.

    console: the one that the true knobs belong to; its knobs are listed as settings.
    """
    predicted = predictor.predict_batch(batch, condition)
    applied = predictor.apply(predicted).knobs
    mix = predictor.console(batch.rough, batch.sample_rate, applied)
    rows = setting_rows(
        console.knobs,
        predictor.console.settings(predicted.knobs)[0],
        console.settings(batch.knobs)[0],
        masked=[
            name for name, counts in zip(console.names, batch.mask[0], strict=True) if not counts
        ],
        applied=predictor.console.settings(applied)[0],
    )
    return Mix(mix[0].numpy(), rows, _distances(mix, batch))


def song_samples(
    batch: Batch, condition: Condition, mixes: dict[str, Mix], console: Console
) -> SongSamples:
    """Listening samples of a batch of one song with the given mixes, by version.

    console: the one that the true knobs belong to.
    """
    genre = int(batch.genre)
    return SongSamples(
        name=batch.song_id[0].removesuffix("/finished"),
        sample_rate=batch.sample_rate,
        rough=batch.rough[0].numpy(),
        mixes=mixes,
        finished=batch.finished[0].numpy(),
        genre=GENRES[genre] if genre >= 0 else None,
        condition=condition,
        rough_metrics=_distances(batch.rough, batch),
        note=rough_note(batch, console) if batch.mask.any() else "",
    )


def rough_note(batch: Batch, console: Console) -> str:
    """Level of the rough against the finished version, and the range of gains that it comes from.

    >>> from ai_mixer import load_console
    >>> gain_range(load_console(ranges="wide"))
    ': input gain × 0.25 to × 4.00, output level × 0.25 to × 4.00, together up to 24 dB'
    """
    levels = [float(loudness_lufs(x, batch.sample_rate)) for x in (batch.rough, batch.finished)]
    if min(levels) <= SILENCE_DB:
        return ""
    difference_lu = levels[0] - levels[1]
    direction = "louder" if difference_lu > 0 else "quieter"
    return (
        f"The rough is {abs(difference_lu):.1f} LU {direction} than the finished version: its "
        f"knobs are drawn over the whole ranges of this run{gain_range(console)}."
    )


def gain_range(console: Console) -> str:
    """The ranges of the console's gains, as the end of a sentence; empty if it has none."""
    gains = gain_knobs(console.knobs)
    texts = [
        f"{readable_name(knob.name).lower()} {format_setting(knob.low, knob.unit)} to "
        f"{format_setting(knob.high, knob.unit)}"
        for knob in gains
    ]
    if not texts:
        return ""
    limits_db = [
        sum(gain_value_db(getattr(k, end), k.unit) for k in gains) for end in ("low", "high")
    ]
    return f": {', '.join(texts)}, together up to {max(map(abs, limits_db)):.0f} dB"


def _distances(mix: torch.Tensor, batch: Batch) -> dict[str, float]:
    values = distances(mix, batch.finished, batch.sample_rate)
    return {name: float(value) for name, value in values.items()}
