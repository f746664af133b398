"""What the default of `model=evidence` changes in finished songs, measured on the mixed files.

python benchmarks/evidence_mixes.py /my/music --cache profiles.pt --models models.pt --every 8

Each song is mixed with a model that was fitted to the other folds, as `ai-mixer mix` does: within
the wide ranges and at its loudness. Measured are all songs that the model changes, and every
eighth of the others. The second pass mixes the result again. `--cache` is that of `evidence.py`;
`--models` keeps the five fits.
"""

import argparse
import csv
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from evidence import DEFAULT, EXCERPT_S, MAX_SUPPORT, RATE, Song, _examples, _songs
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.core.types import CONDITIONS
from ai_mixer.metrics.sound_profile import profile
from ai_mixer.mixing.apply_options import apply_mix_options
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.mix_console import MixConsole, default_console
from ai_mixer.mixing.mix_options import WIDE, MixOptions
from ai_mixer.mixing.preset import single_section_preset
from ai_mixer.models.evidence import Evidence

SETTINGS = {
    "damage_probability": DEFAULT.variant[0],
    "amount": DEFAULT.factor,
    "min_correction": DEFAULT.least,
    "regression_share": DEFAULT.variant[1],
}
LIMITS = {"loudness_lufs": (0.1, "LU"), "crest_db": (0.3, "dB"), "width_db": (0.424, "dB, 5 %")}
UNCHANGED_DB = 0.01
SECOND_PASS = 0.2


def main() -> None:
    """Print the changes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--every", type=int, default=8)
    arguments = parser.parse_args()
    songs, console = _songs(arguments.root, arguments.cache), default_console()
    with (arguments.root / "manifest.csv").open(encoding="utf-8") as file:
        paths = [arguments.root / row["file"] for row in csv.DictReader(file)]
    paths = [path for path in paths if AudioFile(path).sample_rate == RATE]
    models = _models(songs, console, arguments.models)
    profiles = torch.stack([song.versions["finished"].mean(0) for song in songs])
    first = torch.stack(
        [_correction(models[song.fold], one) for song, one in zip(songs, profiles, strict=True)]
    )
    changed = (first.abs().amax(1) > 0).tolist()
    chosen = [n for n in range(len(songs)) if changed[n] or n % arguments.every == 0]
    rows = {n: _mix_twice(models[songs[n].fold], paths[n], first[n], console) for n in chosen}
    print(f"{sum(changed)} of {len(songs)} finished songs are changed\n")
    print(_table(rows, changed))


def _models(songs: list[Song], console: MixConsole, cache: Path | None) -> dict[str, Evidence]:
    """Fold → model fitted to the other folds."""
    states = torch.load(cache) if cache and cache.is_file() else {}
    models = {}
    for fold in sorted({song.fold for song in songs}):
        model = Evidence(
            len(console.knobs), RATE, n_damages=4096, n_support=MAX_SUPPORT, **SETTINGS
        )
        if fold in states:
            model.load_state_dict(states[fold])
        else:
            train = [song for song in songs if song.fold != fold]
            model.fit(_examples(train), console.console.neutral)
        models[fold] = model
    if cache and not states:
        torch.save({fold: model.state_dict() for fold, model in models.items()}, cache)
    return models


def _correction(model: Evidence, song: Tensor) -> Tensor:
    """Correction [P] for a profile [F]."""
    blind = torch.tensor([CONDITIONS.index("blind")])
    return model.correction(song[None], song[None], blind)[0]


def _mix_twice(
    model: Evidence, path: Path, correction: Tensor, console: MixConsole
) -> dict[str, float]:
    """Changes of the measurements, and the size of the second pass over that of the first."""
    with tempfile.TemporaryDirectory() as folder:
        mixed = _mix(path, correction, console, Path(folder) / "mix.wav")
        before, after = (_measure(file) for file in (path, mixed))
        audio = torch.cat(list(AudioFile(mixed).blocks()), -1).expand(2, -1)
        size = round(EXCERPT_S * RATE)
        ends = torch.cat([profile(x[None], RATE) for x in (audio[:, :size], audio[:, -size:])])
        second = _correction(model, ends.mean(0))
    row = {name: after[name] - before[name] for name in LIMITS}
    sizes = [float(one.abs().amax()) for one in (correction, second)]
    return row | {"first": sizes[0], "second": sizes[1]}


def _mix(path: Path, correction: Tensor, console: MixConsole, output: Path) -> Path:
    knobs = console.console.neutral + correction
    settings = apply_mix_options(
        console.console.settings(knobs[None])[0],
        console.knobs,
        MixOptions(),
        console.limits(WIDE),
        console.shapes,
    )
    preset = single_section_preset(settings, console=console)
    preset = replace(preset, unchanged=preset.is_neutral)
    AudioMixer().mix_file(path, output, preset=preset, write_sidecars=False)
    return output


def _measure(path: Path) -> dict[str, float]:
    file = AudioFile(path)
    measured = measure(file.blocks(), file.sample_rate)
    return {name: float(getattr(measured, name) or 0.0) for name in LIMITS}


def _table(rows: dict[int, dict[str, float]], changed: list[bool]) -> str:
    """Shares of all songs within the limits: unmeasured songs count as those left alone."""
    share_changed = float(np.mean(changed))
    lines = [
        "| change | songs left alone: largest | changed songs: median | within the limit, all |"
    ]
    lines.append("|---|---|---|---|")
    for name, (limit, unit) in LIMITS.items():
        left, moved = (
            np.abs([row[name] for n, row in rows.items() if changed[n] == wanted])
            for wanted in (False, True)
        )
        inside = (1 - share_changed) * np.mean(left <= limit) + share_changed * np.mean(
            moved <= limit
        )
        lines.append(
            f"| {name}, at most {limit:g} {unit} | {left.max():.2f} | {np.median(moved):.2f} | "
            f"{100 * inside:.0f} % |"
        )
    sizes = np.array([[row["first"], row["second"]] for n, row in rows.items() if changed[n]])
    again = sizes[:, 1] <= SECOND_PASS * sizes[:, 0]
    others = [row["second"] for n, row in rows.items() if not changed[n]]
    lines.append(
        f"\nSecond pass: {100 * sizes[:, 1].sum() / sizes[:, 0].sum():.0f} % of the first in all; "
        f"at most {SECOND_PASS:.0%} in {100 * again.mean():.0f} % of the changed songs and "
        f"{100 * (1 - share_changed * (1 - again.mean())):.0f} % of all; it changes "
        f"{np.count_nonzero(others)} of the {len(others)} songs that were left alone."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
