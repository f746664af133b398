"""Markdown of aggregated runs: a table per set of songs, and the excluded runs."""

from collections import Counter

from ai_mixer.metrics.statistics import MIN_SONGS, MIN_SONGS_FOR_INTERVAL
from ai_mixer.tracking.aggregate import ID_DIGITS, RunTable
from ai_mixer.utils.markdown import to_markdown

EXPLANATION = (
    "Skill is protocol K, closeness protocol A, on the held-out songs of each run: 0 is that of "
    "mean knobs and of the rough version, 1 is exact. Brackets: 95 % interval of the mean over "
    "seeds or folds (Student's t), for two runs or more. n: number of test songs; no figure below "
    f"{MIN_SONGS}, no interval below {MIN_SONGS_FOR_INTERVAL}. Runs on different songs cannot be "
    "compared, so each set of songs has a table of its own. Weights in millions."
)
LABELS = ["words", "runs", "ids"]


def report_text(run_table: RunTable) -> str:
    """Explanation, a table per set of songs, and excluded runs."""
    parts = ["# Runs", "", EXPLANATION]
    for _, rows in run_table.table.groupby("song_set", sort=False):
        songs = rows["songs"].iloc[0]
        table = rows.drop(columns=["song_set", "songs"]).set_index(LABELS)
        parts += ["", f"## Songs: {songs}", "", to_markdown(table).rstrip()]
    counts = Counter(run_table.excluded.values())
    lines = [
        f"- {count} {reason}: {_examples(run_table, reason)}"
        for reason, count in counts.most_common()
    ]
    return "\n".join([*parts, *(["", "Excluded runs:", *lines] if lines else []), ""])


def _examples(run_table: RunTable, reason: str) -> str:
    """Ids of up to five runs that were excluded for this reason."""
    ids = [run_id[:ID_DIGITS] for run_id, other in run_table.excluded.items() if other == reason]
    return ", ".join(ids[:5]) + (" …" if len(ids) > 5 else "")
