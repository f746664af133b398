"""Knobs and consoles of one's own, from config files alone; earlier models keep working."""

import hydra
import pytest
import soundfile
import torch
from hydra.errors import HydraException

from ai_mixer import AudioMixer, load_console, load_model
from ai_mixer.config import folder
from ai_mixer.config.override_errors import explain_hydra_error
from ai_mixer.console import load
from ai_mixer.inference import pretrained
from ai_mixer.mixing import console_cache, mix_console
from helpers.consoles import add_knob, write_console
from helpers.signals import noise


@pytest.fixture
def use_configs(monkeypatch):
    """Function: makes a folder the config folder of the package."""

    def use(configs):
        for module in (folder, load, mix_console):
            monkeypatch.setattr(module, "config_folder", lambda: configs)
        clear_caches()

    yield use
    clear_caches()


def clear_caches():
    for cached in (
        console_cache.shared_console,
        console_cache.knobs_by_name,
        mix_console.default_console,
        mix_console.console_of,
    ):
        cached.cache_clear()


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_a_console_of_two_files_trains(where, guide, copied_configs, songs_folder, train, tmp_path):
    own = copied_configs / "configs" if where == "inside" else tmp_path / "my_configs"
    write_console(own)
    search = [] if where == "inside" else [f'hydra.searchpath=["file://{own}"]']
    cfg = guide.compose(
        copied_configs / "configs", songs_folder, "console=mine", hydra_overrides=search
    )
    trained = train(cfg)
    assert trained.parts.system.console.names == ["air", "level"]
    assert trained.parts.system.console.knobs[0].high == 9
    assert trained.changed


def test_ranges_are_those_of_the_chosen_console(guide, copied_configs, songs_folder):
    configs = copied_configs / "configs"
    write_console(configs)
    (configs / "ranges" / "mine" / "small.yaml").write_text("air: [-1, 1]\nlevel: [0.9, 1.1]\n")
    for overrides, knob, expected in (
        (["ranges=wide"], "low_eq", [-6, 6]),
        (["ranges=musical"], "low_eq", [-3, 3]),
        (["console=mine", "ranges=wide"], "air", [-3, 9]),
        (["console=mine", "ranges=mine/small"], "air", [-1, 1]),
    ):
        cfg = guide.compose(configs, songs_folder, *overrides)
        assert list(cfg.console.ranges[knob]) == expected


def test_ranges_that_a_console_lacks_are_named_in_one_line(copied_configs):
    configs = copied_configs / "configs"
    write_console(configs)
    overrides = ["console=mine", "ranges=musical"]
    with hydra.initialize_config_dir(str(configs), version_base="1.3"):
        with pytest.raises(HydraException) as caught:
            hydra.compose("stage/train", overrides)
        message = explain_hydra_error(caught.value, "train", overrides)
    assert message.startswith("ranges=musical: console mine has no such ranges: write configs/")
    assert "configs/ranges/mine/musical.yaml" in message


def test_load_console_takes_the_ranges_of_the_console(copied_configs, use_configs):
    write_console(copied_configs / "configs")
    use_configs(copied_configs / "configs")
    assert load_console("mine").names == ["air", "level"]
    assert load_console("classic", "gentle").knobs[2].high == 2
    with pytest.raises(ValueError, match="no ranges of console mine named 'gentle': there is wide"):
        load_console("mine", "gentle")


def test_a_knob_from_yaml_alone_trains(guide, copied_configs, songs_folder, train):
    add_knob(copied_configs / "configs")
    trained = train(guide.compose(copied_configs / "configs", songs_folder))
    system = trained.parts.system
    assert system.knob_count[system.console.names.index("air")] > 0
    assert trained.changed


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["knob", "effect"])
def test_packaged_models_keep_working_with_a_larger_default_console(
    kind, guide, copied_configs, use_configs, tmp_path
):
    """Their console is that of their card, and in a mix the new knob is neutral."""
    if kind == "knob":
        add_knob(copied_configs / "configs")
    else:
        guide.add_files("effect", copied_configs)
    use_configs(copied_configs / "configs")
    assert len(load_console().knobs) == 11
    predictor = load_model(pretrained.model_folder("enhanced_cnn"))
    assert len(predictor.console.knobs) == 10
    song = tmp_path / "song.wav"
    soundfile.write(song, noise(2, seconds=3.0).T.numpy(), 44100)
    result = AudioMixer("enhanced_cnn").mix_file(song, tmp_path / "mix.wav")
    assert (tmp_path / "mix.wav").is_file()
    assert result.preset.settings.get("air" if kind == "knob" else "toy", 0.0) == 0.0


def test_an_effect_with_forward_alone_is_rendered_and_refused_live(
    guide, copied_configs, use_configs
):
    guide.add_files("effect", copied_configs)
    use_configs(copied_configs / "configs")
    console, song = load_console(), noise(2, seconds=0.5)
    knobs = console.knobs_from({"toy": 2.0, "low_eq": 3.0})
    blocks = console.render(song.split(4096, dim=-1), 44100, knobs[0])
    torch.testing.assert_close(torch.cat(list(blocks), -1), console(song[None], 44100, knobs)[0])
    stream = console.stream(44100, 512)
    stream(song[:, :512], console.knobs_from({"low_eq": 3.0})[0])
    message = r"^effect toy \(Toy\) has no live form: [^\n]*console\.render[^\n]*$"
    with pytest.raises(ValueError, match=message):
        stream(song[:, :512], knobs[0])
    with pytest.raises(ValueError, match=message):
        list(console.render([song], 44100, lambda sample: knobs[0]))
