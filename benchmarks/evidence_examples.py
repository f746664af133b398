"""Before and after: songs with a known damage, mixed by `ai-mixer mix` without options.

python benchmarks/evidence_examples.py /my/music --write docs/guides/before-after.md

The songs are those of the folder that the packaged model was not fitted to. Each is damaged in
three ways by another processor (pedalboard). All are predicted, for the table; of those that are
changed, the one with the median distance left is the example, and it is mixed to a file and
measured there. `--write` replaces the end of the page from the marker on,
and the picture in `docs/images`.
"""

import argparse
import csv
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from evidence import RATE, damages
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.data.file_digest import digest_file
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.song_set import digest_numbers
from ai_mixer.dsp.spectra import third_octave_centres
from ai_mixer.inference import pretrained
from ai_mixer.inference.predictor import Predictor, load_model
from ai_mixer.inference.seen_songs import load_seen_songs
from ai_mixer.metrics.sound_profile import profile
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.descriptions import describe_settings
from ai_mixer.mixing.mix_result import MixResult

MARKER = "<!-- written by benchmarks/evidence_examples.py -->"
IMAGE = "before-after.png"
EXAMPLES = {  # damage of `evidence.damages` → title
    "low +12 dB": "12 dB too much bass (below 100 Hz)",
    "width 30 %": "too narrow: the side at 30 %",
    "high +12 dB": "12 dB too much treble (above 8 kHz)",
}
BANDS = len(third_octave_centres(RATE))


class Example(NamedTuple):
    """A damaged song, its mix, and profiles [F] of the finished, the damaged and the mixed one."""

    title: str
    damage: str
    result: MixResult
    profiles: list[np.ndarray]


def main() -> None:
    """Print the part of the page, or write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    predictor = load_model(pretrained.blind_model())
    songs = _songs(arguments.root)
    finished = sum(_is_moved(predictor, audio) for audio in songs.values())
    rows, examples = [], []
    for damage in EXAMPLES:
        damaged = {title: damages()[damage](audio, RATE) for title, audio in songs.items()}
        moved = {title: x for title, x in damaged.items() if _is_moved(predictor, x)}
        distances = {title: _predicted(predictor, songs[title], x) for title, x in moved.items()}
        rows.append(_row(damage, len(songs), [_both(damage, *d) for d in distances.values()]))
        left = {title: _both(damage, *three)[1] for title, three in distances.items()}
        chosen = sorted(left, key=left.__getitem__)[len(left) // 2]
        examples.append(_mix(chosen, damage, songs[chosen], damaged[chosen]))
    text = _page(len(songs), finished, rows, examples)
    if not arguments.write:
        print(text)
        return
    page = arguments.write.read_text(encoding="utf-8").partition(MARKER)[0]
    arguments.write.write_text(f"{page}{MARKER}\n\n{text}", encoding="utf-8")
    _plot(examples, arguments.write.parents[1] / "images" / IMAGE)


def _songs(root: Path) -> dict[str, Tensor]:
    """Title → [2, T], of the songs that the model was not fitted to."""
    seen = load_seen_songs(pretrained.model_folder(pretrained.blind_model()), MetadataCache())
    if seen is None:
        raise ValueError("the songs that the model has been fitted to are not known")
    with (root / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    songs = {}
    for row in rows:
        path = root / row["file"]
        if (
            AudioFile(path).sample_rate == RATE
            and digest_numbers([digest_file(path)])[0] not in seen.train.digests
        ):
            title = row["title"].partition(";")[0]
            title += f" ({path.stem})" if title in songs else ""
            songs[title] = torch.cat(list(AudioFile(path).blocks()), -1).expand(2, -1)
    return songs


def _knobs(predictor: Predictor, audio: Tensor) -> Tensor:
    """Applied knobs [1, P]."""
    return predictor.stages(audio.float(), RATE).applied.knobs


def _is_moved(predictor: Predictor, audio: Tensor) -> bool:
    return bool((_knobs(predictor, audio) - predictor.console.neutral).abs().max() > 0)


def _predicted(predictor: Predictor, finished: Tensor, damaged: Tensor) -> list[np.ndarray]:
    """Profiles of the finished, the damaged and the mixed song."""
    with torch.no_grad():
        mixed = predictor.console(
            damaged[None].float(), RATE, _knobs(predictor, damaged), limit=False
        )[0]
    return [_profile(x) for x in (finished, damaged, mixed)]


def _profile(audio: Tensor) -> np.ndarray:
    return profile(audio[None].float(), RATE)[0].double().numpy()


def _both(damage: str, finished: np.ndarray, *others: np.ndarray) -> list[float]:
    """Distance of each to the finished song: root mean square over thirds of an octave, dB."""
    part = slice(BANDS, 2 * BANDS) if "width" in damage else slice(BANDS)
    return [float(np.sqrt(np.square((x - finished)[part]).mean())) for x in others]


def _row(damage: str, count: int, distances: list[list[float]]) -> str:
    """Of the table of all songs."""
    before, after = np.median(distances, 0)
    better = np.mean([b < a for a, b in distances])
    return (
        f"| {EXAMPLES[damage]} | {len(distances)} of {count} | {before:.1f} → {after:.1f} dB | "
        f"{100 * better:.0f} % |"
    )


def _mix(title: str, damage: str, finished: Tensor, damaged: Tensor) -> Example:
    with tempfile.TemporaryDirectory() as folder:
        song, mixed = Path(folder) / "song.wav", Path(folder) / "song_mixed.wav"
        soundfile.write(song, damaged.T.numpy(), RATE, subtype="FLOAT")
        result = AudioMixer().mix_file(song, mixed)
        audio, _ = soundfile.read(mixed, dtype="float32")
    profiles = [_profile(x) for x in (finished, damaged, torch.from_numpy(audio.T))]
    return Example(title, damage, result, profiles)


def _page(count: int, finished: int, rows: list[str], examples: list[Example]) -> str:
    lines = [f"![Before and after]({Path('..') / 'images' / IMAGE})", ""]
    for example in examples:
        before, after = _both(example.damage, *example.profiles)
        changes = describe_settings(example.result.audible, example.result.preset.console.knobs)
        measure = "width" if "width" in example.damage else "level"
        lines += [
            f"## {example.title}: {EXAMPLES[example.damage]}",
            "",
            f"- The report says: *{'; '.join(example.result.preset.unusual)}*.",
            f"- What was moved: {', '.join(changes)}.",
            f"- Distance to the finished song, {measure} per third of an octave: "
            f"{before:.1f} → {after:.1f} dB.",
            "",
        ]
    lines += [
        "## All songs",
        "",
        "| damage | songs changed | distance to the finished song, median of these | closer |",
        "|---|---|---|---|",
        *rows,
        "",
        "The other songs are copied: that much bass or treble is not unusual enough for them.",
        f"Without damage, {finished} of the {count} songs are changed.",
        "",
    ]
    return "\n".join(lines)


def _plot(examples: list[Example], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(examples), figsize=(11, 3.4), layout="constrained")
    for axis, example in zip(axes, examples, strict=True):
        is_width = "width" in example.damage
        part = slice(BANDS, 2 * BANDS) if is_width else slice(BANDS)
        styles = {"finished": "k:", "before": "tab:red", "after": "tab:green"}
        for (name, style), values in zip(styles.items(), example.profiles, strict=True):
            axis.semilogx(third_octave_centres(RATE), values[part], style, label=name)
        axis.set_title(f"{example.title.partition(' (')[0]}: {example.damage}", fontsize=9)
        axis.set_xlabel("Hz")
        axis.set_ylabel("side over mid, dB" if is_width else "share of the level, dB")
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
