"""Role of a track from its sound: accuracy by role on songs of other sources, and the classifier.

    AI_MIXER_MUSIC=/my/music python benchmarks/roles.py             # the table
    AI_MIXER_MUSIC=/my/music python benchmarks/roles.py --save      # and the packaged classifier

Real tracks are those of `data=tracks`, in five folds by source: each is predicted by a classifier
that knows no song of its source. The tracks of the band are those of its test composers, predicted
without them. `given`: share of the tracks of a role that get any role; `recall`: that get theirs;
`precision`: of the tracks that get this role. The packaged classifier is trained on
the band and on all songs whose licences can be combined.
"""

import argparse
import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.core.types import Song
from ai_mixer.data.band import Band
from ai_mixer.data.role_classifier import EXCERPT_S, FILE, MIN_PROBABILITY, RELIABLE
from ai_mixer.data.role_features import RATE, role_features
from ai_mixer.data.tracks import Tracks
from ai_mixer.inference.weights_licence import derive_licence
from ai_mixer.metrics.tables import to_markdown
from ai_mixer.utils.progress import progress_bar

FOLDS = 5
STRENGTH = 0.1  # C of scikit-learn
REAL, BAND = "real tracks", "band"


def main() -> None:
    """Print the table; with --save also write the packaged classifier."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--band", type=Path, default=Path("data/band"), help="folder of the band")
    options = parser.parse_args()
    real = [_measure(_test_songs(fold), fold) for fold in range(FOLDS)]
    songs = Band(options.band).track_songs()
    rest = [song for song in songs if song.split != "test"]
    test = [song for song in songs if song.split == "test"]
    table = pd.concat([*real, _measure(rest, FOLDS), _measure(test, FOLDS + 1)])
    table = table.reset_index(drop=True)
    for kind, folds in ((REAL, range(FOLDS)), (BAND, [FOLDS + 1])):
        print(f"\n{kind}\n\n{to_markdown(accuracy(table, folds))}")
    if options.save:
        _save(table)


def accuracy(table: pd.DataFrame, folds: Iterable[int]) -> pd.DataFrame:
    """A row per role and one for all: tracks, given, recall, precision."""
    parts = []
    for fold in folds:
        test = table["fold"] == fold
        model = _fitted(table[~test])
        own = table[test].copy()
        odds = model.predict_proba(np.stack(own["features"]))
        likely = model.classes_[odds.argmax(1)]
        given = (odds.max(1) >= MIN_PROBABILITY) & np.isin(likely, list(RELIABLE))
        own["guess"] = np.where(given, likely, "none")
        parts.append(own)
    known = pd.concat(parts)
    rows = {}
    for role in [*known["role"].value_counts().index, "all"]:
        own = known if role == "all" else known[known["role"] == role]
        guessed = known[known["guess"] != "none"] if role == "all" else known
        guessed = guessed if role == "all" else guessed[guessed["guess"] == role]
        rows[role] = {
            "tracks": float(len(own)),
            "given": float((own["guess"] != "none").mean()),
            "recall": float((own["guess"] == own["role"]).mean()),
            "precision": float((guessed["guess"] == guessed["role"]).mean()),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _fitted(table: pd.DataFrame) -> Pipeline:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=3000))
    return model.fit(np.stack(table["features"]), table["role"])


def _test_songs(fold: int) -> list[Song]:
    return [song for song in Tracks(fold=fold).track_songs() if song.split == "test"]


def _measure(songs: list[Song], fold: int) -> pd.DataFrame:
    """One row per track that is heard and has a role."""
    rows = []
    for song in progress_bar(songs, "measuring"):
        for track in song.tracks:
            start_s = max(0.0, (song.duration_s - EXCERPT_S) / 2)
            length_s = min(EXCERPT_S, song.duration_s)
            features = role_features(read_excerpt(track.path, start_s, length_s, RATE))
            if features is not None and track.role:
                rows.append((fold, song.id, track.role, features.numpy()))
    return pd.DataFrame(rows, columns=["fold", "song", "role", "features"])


def _save(table: pd.DataFrame) -> None:
    """Write the classifier of the band and of the songs whose licences have one in common."""
    listed = pd.read_csv(Tracks().root / "songs.csv").set_index("song")
    listed = listed[[_may_be_shared(licence) for licence in listed["licence"]]]
    used = (table["fold"] >= FOLDS) | table["song"].isin(listed.index)
    scaler, regression = (step for _, step in _fitted(table[used]).steps)
    credits = [f"{r['title']} – {r['artist']} ({r['licence']})" for _, r in listed.iterrows()]
    licence = derive_licence(listed["licence"].value_counts().to_dict())
    content = {
        "licence": licence.identifier,
        "trained_on": ["embedded band", *credits],
        "roles": regression.classes_.tolist(),
        **{
            name: np.round(values, 5).tolist()
            for name, values in (
                ("mean", scaler.mean_),
                ("scale", scaler.scale_),
                ("weights", regression.coef_),
                ("bias", regression.intercept_),
            )
        },
    }
    text = json.dumps(content, ensure_ascii=False, indent=None, separators=(",", ":"))
    Path(str(files("ai_mixer.data") / FILE)).write_text(text + "\n", encoding="utf-8")


def _may_be_shared(licence: str) -> bool:
    """Whether the weights' licence can follow from it; not from version 2 of the GPL alone."""
    return licence != "GPL-2" and derive_licence({licence: 1}).identifier is not None


if __name__ == "__main__":
    main()
