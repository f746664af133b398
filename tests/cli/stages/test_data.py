"""`make data`: tables of collections, downloads from a local server, errors."""

import hashlib
import re
import sys
import threading
import zipfile
from contextlib import nullcontext
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from omegaconf import OmegaConf
from pytorch_lightning.loggers import CSVLogger

from ai_mixer.cli.stages import data
from ai_mixer.config.folder import config_folder
from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.training.builders import build_components, build_trainer
from helpers.parameters import first_fast

COLLECTIONS = ("musdb18", "musdb18hq", "gtzan", "fma")


@pytest.fixture
def make_data(tmp_path, monkeypatch, capfd):
    """Function: overrides of `make data` → output and exit code."""

    def run(*overrides):
        monkeypatch.setattr(sys, "argv", ["data", *overrides, f"paths.data={tmp_path / 'data'}"])
        code = 0
        try:
            data.main()
        except SystemExit as caught:
            code = caught.code
        return capfd.readouterr(), code

    return run


@pytest.fixture
def archive(tmp_path, synthetic_dataset):
    """A small musdb18hq as a zip file on a server: the override of its config."""
    folder, root = tmp_path / "served", synthetic_dataset("musdb18hq")
    folder.mkdir()
    with zipfile.ZipFile(folder / "songs.zip", "w") as archive:
        for file in (file for file in root.rglob("*") if file.is_file()):
            archive.write(file, file.relative_to(root))

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        digest = hashlib.sha1((folder / "songs.zip").read_bytes()).hexdigest()
        url = f"http://127.0.0.1:{server.server_port}/songs.zip"
        yield f"data.archives=[{{url: '{url}', checksum: 'sha1:{digest}'}}]"
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("name", first_fast(COLLECTIONS))
def test_training_on_a_small_copy_of_a_collection(name, synthetic_dataset, compose, tmp_path):
    """One epoch, with every example of every split."""
    small = ["loader.excerpt_s=0.5", "loader.excerpts_per_song=1", "loader.held_out_per_song=1"]
    small += ["loader.batch_size=2", "loader.workers=0", "trainer.max_epochs=1"]
    small += ["trainer.log_every_n_steps=1"]
    root = f"data.root={synthetic_dataset(name)}"
    overrides = [f"data={name}", root, "model=mean_knobs", f"paths.data={tmp_path}", *small]
    parts = build_components(compose(*overrides))
    cfg, logger = compose(*overrides), CSVLogger(tmp_path)
    quiet = {"enable_progress_bar": False, "default_root_dir": tmp_path}
    trainer = build_trainer(cfg, [], logger=logger, num_sanity_val_steps=0, **quiet)
    skipped = pytest.warns(UserWarning, match="2 songs skipped")
    with skipped if name in {"gtzan", "fma"} else nullcontext():
        trainer.fit(parts.system, datamodule=parts.data)
    assert trainer.current_epoch == 1
    assert trainer.callback_metrics["train/loss"] > 0
    assert trainer.callback_metrics["val/loss"] > 0
    assert parts.data.songs("test")
    assert (tmp_path / "index").is_dir()


@pytest.mark.parametrize("name", first_fast(COLLECTIONS, 2))
def test_table_of_a_collection(name, synthetic_dataset, make_data, tmp_path):
    (printed, errors), code = make_data(f"name={name}", f"data.root={synthetic_dataset(name)}")
    assert code == 0, errors
    assert "warning" not in errors
    assert printed.split()[:3] == ["songs", "hours", "groups"]
    expected = {
        "musdb18": ["in several splits: 1 groups (Actions)"],
        "musdb18hq": ["in several splits: 1 groups (Actions)"],
        "gtzan": ["genres: blues 3, rock 3, hip_hop 2", "skipped: 1 not in the fault-filtered"],
        "fma": ["genres: ", "skipped: 1 "],
    }[name]
    assert all(line in printed for line in expected), printed
    assert [file.suffix for file in (tmp_path / "data" / "index").iterdir()] == [".sqlite"]


def test_name_is_an_alias_of_data(synthetic_dataset, make_data):
    root = f"data.root={synthetic_dataset('gtzan')}"
    (by_name, _), _ = make_data("name=gtzan", root)
    (by_group, _), code = make_data("data=gtzan", root)
    assert (code, by_group) == (0, by_name)
    (_, errors), code = make_data("name=gtzam", root)
    assert code == 1
    assert errors.startswith("error: data=gtzam: ")
    assert "band, " in errors


def test_missing_name_lists_the_options(make_data):
    (_, errors), code = make_data()
    assert code == 1
    assert re.match(
        r"error: .* options: band .*fma .*gtzan .*musdb18 musdb18hq pairs tracks\n$", errors
    )


def test_archives_are_downloaded_unpacked_and_described(archive, make_data, tmp_path):
    root = tmp_path / "new"
    (printed, errors), code = make_data(
        "name=musdb18hq", "download=1", f"data.root={root}", archive
    )
    assert code == 0, errors
    assert len(list(root.glob("*/*/mixture.wav"))) == 6
    assert "all        6" in printed


def test_collection_without_archives_refers_to_its_config(make_data):
    (_, errors), code = make_data("name=gtzan", "download=1")
    assert code == 1
    assert errors.startswith("error: data=gtzan ")
    assert "configs/data/gtzan.yaml" in errors
    (_, errors), code = make_data("name=gtzan")
    assert "configs/data/gtzan.yaml" in errors


@pytest.mark.parametrize("name", COLLECTIONS)
def test_config_has_source_licence_split_and_checksums(name):
    text = (config_folder() / "data" / f"{name}.yaml").read_text()
    header = [line for line in text.splitlines() if line.startswith("#")]
    for word in ("# Get it: ", "# Licence: ", "# Split"):
        assert any(line.startswith(word) for line in header), word
    cfg = OmegaConf.create({"data": OmegaConf.load(config_folder() / "data" / f"{name}.yaml")})
    for archive in cfg.data.get("archives", []):
        kind, _, digest = archive.checksum.partition(":")
        assert len(digest) == 2 * hashlib.new(kind).digest_size
        assert archive.url.startswith("https://")


def test_every_subset_of_fma_has_a_checksum():
    cfg = OmegaConf.create({"data": OmegaConf.load(config_folder() / "data" / "fma.yaml")})
    checksums = set()
    for cfg.data.subset in ("small", "medium", "large", "full"):
        _, clips = cfg.data.archives
        assert clips.url.endswith(f"/fma_{cfg.data.subset}.zip")
        checksums.add(clips.checksum)
    assert len(checksums) == 4


def test_groups_in_several_splits_are_listed():
    songs = [
        Song(f"{group}{n}", "x.wav", "s", group, split, 1800.0, 44100, 2)
        for n, (group, split) in enumerate([("a", "train"), ("a", "val"), ("b", "test")])
    ]
    assert data.groups_in_several_splits(songs) == ["a"]
    text = data.describe(
        songs,
        [SkippedSong("x", "damaged"), SkippedSong("y", "damaged"), SkippedSong("z", "missing")],
        {".txt": 1, ".jpg": 2},
    )
    assert text.splitlines()[1:] == [
        "train      1  0.50       1",
        "val        1  0.50       1",
        "test       1  0.50       1",
        "all        3  1.50       2",
        "",
        "genres: unknown 3",
        "in several splits: 1 groups (a)",
        "skipped: 2 damaged: x, y",
        "skipped: 1 missing: z",
        "other files: 2 .jpg, 1 .txt",
    ]
