"""Reverb and echo of a reference or a song: how well they are estimated; the model of `mix`.

python benchmarks/reverb_delay.py /my/music --cache ambience.pt --write

Half of a finished song is the song, sometimes with other settings of the console; the other half
got reverb and echo and is the reference, for this song or for another one of the same fold, or is
a song by itself. Five folds by artist and source. The least position that counts as certain is
that which 2 % of the references without added reverb and echo reach, in the folds of training.
Another processor (pedalboard) makes the last columns. `--write` fits to all songs and writes the
packaged weights.
"""

import argparse
import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from evidence import _interval
from evidence_champion import song_files
from safetensors.torch import save_file
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.console import Console, load_console
from ai_mixer.faults.ambience_profile import ambience_profile
from ai_mixer.faults.fault_profile import RATE_HZ
from ai_mixer.mixing.ambience import ECHO_MS, FILE
from ai_mixer.models.ambience import KNOBS, Ambience, reference_inputs, song_inputs
from ai_mixer.tracking.int8 import quantize
from ai_mixer.utils.parallel import parallel_map

DRAWS = 4  # per song; half of them with other settings of the console
WET_SHARE = 0.6  # of the references, for each of the knobs
MAX_ALARMS = 0.02
MIN_POSITION = 0.1  # smaller ones are hardly heard
STRONG = 0.5  # position


class Examples(NamedTuple):
    """Profiles [N, F] of songs and references, positions [N, 2], fold and song of each.

    others: name of another processor's effect → profiles of the references of the first draws;
    "none" has no effect.
    """

    song: Tensor
    reference: Tensor
    positions: Tensor
    folds: np.ndarray
    numbers: np.ndarray
    others: dict[str, Tensor]


def main() -> None:
    """Print the table; write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    examples = _examples(arguments.root, arguments.cache)
    partners = _partners(examples)
    print(_table(examples, partners))
    if arguments.write:
        model = _fit(examples, partners, np.full(len(partners), True))
        save_file(quantize(model.state_dict()), FILE)
        least = [[f"{x:.2f}" for x in part.least] for part in (model.reference, model.song)]
        print(f"{FILE.name}: {FILE.stat().st_size / 1e6:.2f} MB; least positions: {least}")


def _examples(root: Path, cache: Path | None) -> Examples:
    if cache and cache.is_file():
        return Examples(**torch.load(cache, weights_only=False))
    with (root / "manifest.csv").open(encoding="utf-8") as file:
        folds = {root / row["file"]: row["fold"] for row in csv.DictReader(file)}
    files = song_files(root)
    pairs = list(enumerate(files))
    measured = list(parallel_map(lambda pair: _measure(*pair), pairs, "profiles"))
    numbers = np.repeat(np.arange(len(files)), DRAWS)
    examples = Examples(
        *(torch.cat([one[n] for one in measured]) for n in range(3)),
        np.array([folds[files[n]] for n in numbers]),
        numbers,
        {name: torch.cat([one[3][name] for one in measured]) for name in measured[0][3]},
    )
    if cache:
        torch.save(examples._asdict(), cache)
    return examples


@torch.no_grad()
def _measure(number: int, path: Path) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """Profiles of song and reference, positions, and references by another processor."""
    audio = torch.cat(list(AudioFile(path).blocks()), -1).expand(2, -1).float()
    halves = audio.split(audio.shape[1] // 2, 1)[:2]
    console, generator = load_console("classic"), torch.Generator().manual_seed(number)
    rows = []
    for draw in range(DRAWS):
        song, reference = halves if draw % 2 == 0 else halves[::-1]
        tone, wet = _draw(console, generator, changed=draw >= DRAWS // 2)
        rough, mixed = (
            console(x[None], RATE_HZ, knobs, limit=False)
            for x, knobs in ((song, tone), (reference, wet))
        )
        columns = [console.names.index(name) for name in KNOBS]
        profiles = (ambience_profile(x, ECHO_MS) for x in (rough, mixed))
        rows.append((*profiles, wet[:, columns]))
    others = {name: ambience_profile(x[None], ECHO_MS) for name, x in _others(halves[1]).items()}
    song_profiles, references, positions = (torch.cat(x) for x in zip(*rows, strict=True))
    return song_profiles, references, positions, others


def _draw(console: Console, generator: torch.Generator, changed: bool) -> tuple[Tensor, Tensor]:
    """Knobs [1, P] of the song, dry, and of the reference."""
    tone, wet = console.neutral[None].clone(), console.neutral[None].clone()
    if changed:
        tone += 0.5 * (torch.rand(tone.shape, generator=generator) - tone)
    for name in KNOBS:
        column = console.names.index(name)
        tone[0, column] = console.neutral[column]
        position, share = torch.rand(2, generator=generator).tolist()
        if share < WET_SHARE:
            wet[0, column] = position
    return tone, wet


def _others(reference: Tensor) -> dict[str, Tensor]:
    """References with another processor's reverb or echo, and without any."""
    import pedalboard as pb

    effects = {
        "reverb 20 %": pb.Reverb(room_size=0.5, wet_level=0.2, dry_level=0.8),
        "reverb 40 %": pb.Reverb(room_size=0.7, wet_level=0.4, dry_level=0.6),
        "echo, 350 ms, 30 %": pb.Delay(0.35, 0.3, 0.3),
        "echo, 500 ms, 30 %": pb.Delay(0.5, 0.3, 0.3),
    }
    changed = {
        name: torch.from_numpy(pb.Pedalboard([effect])(reference.numpy(), RATE_HZ))
        for name, effect in effects.items()
    }
    return {"none": reference} | changed


def _partners(examples: Examples) -> np.ndarray:
    """For each example, one of another song of the same fold."""
    rng = np.random.default_rng(0)
    return np.array(
        [
            rng.choice(np.flatnonzero((examples.folds == fold) & (examples.numbers != number)), 1)[
                0
            ]
            for fold, number in zip(examples.folds, examples.numbers, strict=True)
        ]
    )


def _fit(examples: Examples, partners: np.ndarray, used: np.ndarray) -> Ambience:
    """Fit to the pairs and songs of some rows; the least positions are those of inner folds."""
    estimates: dict[str, list[Tensor]] = {"reference": [], "song": []}
    for fold in np.unique(examples.folds[used]):
        held_out = used & (examples.folds == fold)
        model = _fit_once(examples, partners, used & ~held_out)
        first = np.flatnonzero(held_out)[::DRAWS]
        dry = examples.others["none"][first // DRAWS]
        for song in (examples.song[first], examples.song[partners[first]]):
            estimates["reference"].append(model.reference.estimate(reference_inputs(song, dry)))
        estimates["song"].append(model.song.estimate(song_inputs(dry)))
    model = _fit_once(examples, partners, used)
    for name, positions in estimates.items():
        least = torch.cat(positions).quantile(1 - MAX_ALARMS, 0).clamp_min(MIN_POSITION)
        getattr(model, name).least.copy_(least)
    return model


def _fit_once(examples: Examples, partners: np.ndarray, used: np.ndarray) -> Ambience:
    """The reference has no examples without effects but those that were drawn; songs have each."""
    rows = np.flatnonzero(used)
    pairs = torch.cat([examples.song[rows], examples.song[partners[rows]]])
    wet, positions = examples.reference[rows], examples.positions[rows]
    dry = examples.others["none"][np.unique(rows // DRAWS)]
    songs = torch.cat([wet, dry])
    model = Ambience(songs.shape[1], len(pairs), len(songs))
    inputs = reference_inputs(pairs, wet.repeat(2, 1))
    model.reference.fit(inputs, positions.repeat(2, 1))
    model.song.fit(song_inputs(songs), torch.cat([positions, torch.zeros(len(dry), len(KNOBS))]))
    return model


def _table(examples: Examples, partners: np.ndarray) -> str:
    """Held-out estimates of both kinds of pairs, and of songs alone."""
    count, first = len(partners), np.arange(0, len(partners), DRAWS)
    kinds = {"another part of the song": np.arange(count), "another song": partners, "none": None}
    found = {kind: np.zeros((count, len(KNOBS))) for kind in kinds}
    raw = {kind: np.zeros((count, len(KNOBS))) for kind in kinds}
    others = {
        name: {kind: np.zeros((len(first), len(KNOBS))) for kind in kinds}
        for name in examples.others
    }
    for fold in np.unique(examples.folds):
        model = _fit(examples, partners, examples.folds != fold)
        rows = np.flatnonzero(examples.folds == fold)
        heads = rows[::DRAWS]
        for kind, songs in kinds.items():
            part = model.song if songs is None else model.reference
            inputs = _inputs(examples, songs, rows, examples.reference[rows])
            raw[kind][rows], found[kind][rows] = part.estimate(inputs), part(inputs)
            for name, profiles in examples.others.items():
                inputs = _inputs(examples, songs, heads, profiles[heads // DRAWS])
                others[name][kind][heads // DRAWS] = part(inputs)
    columns = ["knob", "reference", "skill of the estimate", "skill where certain", "found"]
    columns += [f"{name}: moved" for name in examples.others]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    truth, numbers = examples.positions.numpy(), examples.numbers
    for n, knob in enumerate(KNOBS):
        for kind in kinds:
            cells = [
                _skill(predicted[kind][:, n], truth[:, n], numbers) for predicted in (raw, found)
            ]
            strong = truth[:, n] >= STRONG
            cells.append(f"{100 * np.mean(found[kind][strong, n] > 0):.0f} %")
            cells += [f"{100 * np.mean(x[kind][:, n] > 0):.1f} %" for x in others.values()]
            lines.append("| " + " | ".join([knob, kind, *cells]) + " |")
    return "\n".join(lines)


def _inputs(
    examples: Examples, songs: np.ndarray | None, rows: np.ndarray, wet: Tensor
) -> tuple[Tensor, Tensor]:
    """Inputs for profiles with effects, as references of songs or without."""
    if songs is None:
        return song_inputs(wet)
    return reference_inputs(examples.song[songs[rows]], wet)


def _skill(predicted: np.ndarray, truth: np.ndarray, numbers: np.ndarray) -> str:
    """Share of the error of neutral that is removed, in percent, with its interval over songs."""
    errors = np.array([np.abs(predicted - truth)[numbers == n].mean() for n in set(numbers)])
    neutral = np.array([np.abs(truth)[numbers == n].mean() for n in set(numbers)])
    return _interval(1 - errors / neutral.mean())


if __name__ == "__main__":
    main()
