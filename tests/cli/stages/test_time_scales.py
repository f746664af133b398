"""The transformer trains on excerpts of 4, 15 and 60 s and on whole songs of a minute."""

import pytest
from omegaconf import OmegaConf

from ai_mixer.cli.pipeline import train

pytestmark = pytest.mark.slow  # half a minute of synthesis, then a minute of training

BAND = ("data=band", "data.source.songs=12", "data.source.duration_s=66")


@pytest.fixture(scope="module")
def long_songs(tmp_path_factory):
    """Folder of the band's long songs, for all trainings of this file."""
    return tmp_path_factory.mktemp("band")


@pytest.mark.filterwarnings("ignore:as whole songs no song has a reference")
@pytest.mark.parametrize("excerpt", [4, 15, 60, "full"])
def test_training_with_excerpt_length(excerpt, long_songs, compose, store):
    overrides = [
        *BAND,
        "model=transformer",
        "loss=knobs_only",
        f"excerpt={excerpt}",
        f"loader.batch_size={1 if excerpt == 'full' else 2}",
        "loader.examples_per_epoch=4",
        "loader.held_out_per_song=3",
        "loader.workers=0",
        "trainer.max_epochs=1",
        "trainer.log_every_n_steps=1",
        "evaluate=null",
        "render=null",
        f"paths.data='{long_songs}'",
        f"paths.mlruns='{store.folder}'",
    ]
    run = train(compose(*overrides), compose(), overrides, {"data": "band"})
    assert OmegaConf.load(run.artifact_dir / "config.yaml").loader.excerpt_s == excerpt
    metrics = store.client.get_run(run.id).data.metrics
    assert metrics["val/knobs"] > 0
    assert (run.artifact_dir / "model.safetensors").is_file()
