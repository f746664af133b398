"""Results of one model from the leaderboard's CSV files, for its card."""

from pathlib import Path

import pandas as pd

from ai_mixer.config.stage_command import stage_command
from ai_mixer.evaluation.leaderboard.evaluate import REFINED_SUFFIX
from ai_mixer.utils.markdown import to_markdown

TABLES = {  # name of the CSV file → heading, and the baselines that are shown
    "knobs": ("Knobs (protocol K):", ("mean_knobs", "ridge", "trees")),
    "sound": (
        "Closeness to the finished version, roughs by another processor (protocol A):",
        ("rough", "mean_knobs", "spectrum_match"),
    ),
}
CROSS_VALIDATION_NOTE = """\
Cross-validation{folds}: the same recipe trained on the other folds, with songs, artists and corpora
apart, and evaluated on the one left out, next to baselines.
"""


def model_results(entry: str, leaderboard: Path | None, folds: int) -> str:
    """Markdown tables of an entry and the baselines.

    leaderboard: path of the page, whose CSV files are next to it; None if there is none. folds:
    number of folds, 0 if unknown. ValueError if the entry or the files are missing.
    """
    if leaderboard is None:
        return "Not on the leaderboard yet.\n"
    parts = [CROSS_VALIDATION_NOTE.format(folds=f" in {folds} folds" if folds else "")]
    for table, (heading, baselines) in TABLES.items():
        file = leaderboard.with_name(f"{leaderboard.stem}-{table}.csv")
        if not file.is_file():
            continue
        numbers = pd.read_csv(file, index_col="system")
        candidates = (*baselines, entry, entry + REFINED_SUFFIX)
        systems = [name for name in candidates if name in numbers.index]
        if entry not in systems:
            raise ValueError(
                f"{file} has no entry {entry}; entries: {', '.join(map(str, numbers.index))}"
            )
        parts.append(f"{heading}\n\n{to_markdown(numbers.loc[systems])}")
    if len(parts) == 1:
        raise ValueError(
            f"leaderboard={leaderboard}: no CSV files next to it, "
            f"run `{stage_command('leaderboard')}`"
        )
    return "\n".join(parts)
