"""GTZAN: 1000 excerpts of 30 s, mono, 22,050 Hz, 100 in each of ten genres.

Tzanetakis & Cook, "Musical genre classification of audio signals", 2002. Its faults (50 exact
repetitions, wrong labels, distortion, few artists) are listed by Sturm, "The GTZAN dataset: its
contents, its faults …", arXiv:1306.1461, 2013. The default split is therefore the fault-filtered
one of Kereliuk, Sturm & Larsen, "Deep learning and music adversaries", 2015, in which no artist is
in two splits.
"""

import re
import warnings
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from ai_mixer.data.collection import Collection
from ai_mixer.data.splits import split_by_group

GENRES = (
    *("blues", "classical", "country", "disco", "hiphop"),
    *("jazz", "metal", "pop", "reggae", "rock"),
)
GENRE_NAMES = {"hiphop": "hip_hop"}  # classical, jazz, pop and rock have the same name here
AUDIO_FOLDERS = (".", "genres", "genres_original", "Data/genres_original")  # archives differ
FILE_PATTERN = re.compile(r"([a-z]+)\.(\d{5})\.(wav|au)")

# The authors' lists {train,valid,test}_filtered.txt (coreyker/dnn-mgr, 443, 197 and 290 excerpts):
# numbers from 1, genre after genre, 100 in each; the 70 others are excluded.
FILTERED_SPLIT = {
    "train": """30-50 74-98 131-134 144-149 151-168 181-200 220-227 229-230 266-300 306 316-321
    323-338 340-346 348 350 354-355 357-358 360 362 371 374-375 390 403-426 429-430 432-439 442-443
    456-462 478-481 501-502 512-525 542 548-573 603-604 606 622 625 636 647-658 660-667 670 672-673
    680-681 685 687 690-700 703-710 712-713 717-721 724-730 732-737 739-743 745 747 750-751 781
    798-803 805 807 810 812-813 815-833 843-846 850-852 855-861 864 870 901-910 917-927 958-971
    992-1000""",
    "val": """1-12 51-61 101-111 169-177 201-208 210-219 228 242-243 246 250 301 303-305 307-315 347
    349 353 368-369 373 376 391 396 482-499 503-511 526-533 601-602 607-612 617-621 637-638 669
    677-678 682-683 711 754 756 759-763 782 784-787 862-863 871 873 875 877-879 886 893-900 939
    950-957 972-986""",
    "test": """13-29 62-73 99-100 112-130 135-142 150 178-180 231-241 244-245 247-249 251-252
    254-265 302 322 359 363-367 370 377-389 392-395 397-398 400-401 427-428 431 441 444-446 452-455
    463-476 500 574-600 613-616 623-624 626-634 639-640 668 671 674-676 679 684 686 688-689 701-702
    714-715 744 764-767 770-780 783 789-797 835-841 847-849 853-854 865-869 872 880 883-885 888-891
    911-916 928-938 940-949 987-991""",
}


class Gtzan(Collection):
    """`<genre>/<genre>.00000.wav` (or .au) below the root, or below its `genres/`.

    split: "filtered" or "random"; ValueError for others. The random split has recordings and
    artists in two splits, and causes a warning.
    """

    name = "gtzan"
    layout = "folders blues/ … rock/ (or genres/blues/ …) with files `blues.00000.wav` or `.au`"

    def __init__(
        self,
        root: str | Path,
        index: str | Path | None = None,
        split: Literal["filtered", "random"] = "filtered",
    ) -> None:
        super().__init__(root, index)
        if split not in ("filtered", "random"):
            raise ValueError(f"data.split={split}: must be filtered or random")
        self.split = split

    def rows(self) -> Sequence[dict[str, Any]]:
        """One row per excerpt of the split."""
        files = self._files()
        names = [file.stem for file in files]
        if self.split == "random":
            splits: Sequence[str | None] = split_by_group(names, names)
            warnings.warn(
                "data.split=random: recordings and artists of GTZAN are in several splits; "
                "metrics on it are too optimistic",
                stacklevel=2,
            )
        else:
            split_of = filtered_split()
            splits = [split_of.get(name) for name in names]
        rows = []
        for file, name, split in zip(files, names, splits, strict=True):
            if split is None:
                self.skip(file, "not in the fault-filtered split")
            else:
                rows.append(_row(file, name, split))
        return rows

    def _files(self) -> list[Path]:
        for audio_folder in AUDIO_FOLDERS:
            folders = [self.root / audio_folder / genre for genre in GENRES]
            if any(folder.is_dir() for folder in folders):
                files = chain.from_iterable(sorted(folder.glob("*")) for folder in folders)
                return [file for file in files if FILE_PATTERN.fullmatch(file.name)]
        raise self.layout_error(self.root / "genres")


def filtered_split() -> dict[str, str]:
    """Excerpt → split, for the 930 excerpts of the fault-filtered split."""
    return {
        f"{GENRES[(number - 1) // 100]}.{(number - 1) % 100:05d}": split
        for split, intervals in FILTERED_SPLIT.items()
        for interval in intervals.split()
        for number in _numbers(interval)
    }


def _numbers(interval: str) -> range:
    first, _, last = interval.partition("-")
    return range(int(first), int(last or first) + 1)


def _row(file: Path, name: str, split: str) -> dict[str, Any]:
    genre = name.partition(".")[0]
    return {
        "id": name,
        "path": file,
        "song": name,
        "group": name,  # artists are not given; the lists keep them apart
        "split": split,
        "genre": GENRE_NAMES.get(genre, genre),
        "title": name,
        "licence": "none stated; research only",
    }
