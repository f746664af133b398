"""What a config may name: an allow-list, held against names, objects and references."""

import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from ai_mixer.config.allowed_targets import (
    ALLOWED_CLASSES,
    ALLOWED_FUNCTIONS,
    check_targets,
    config_from_card,
    resolve_checked,
)

OUTSIDE = [
    "os.system",
    "builtins.eval",
    "subprocess.Popen",
    "functools.partial",
    "hydra.utils.get_method",
    "hydra.utils.get_object",
    "hydra.utils.instantiate",
    "torch.load",
    "torch.hub.load",
    "torch.optimiser.Adam",  # begins like an allowed place
    "ai_mixer_.models.Model",
    "ai_mixer.inference.predictor.load_model",  # would be told whom to trust by the config
    "ai_mixer.tracking.git.git_state",
    "ai_mixer.cli.pipeline.train",
    "pytorch_lightning.loggers.CSVLogger",
    "",
    "model",
    None,
    7,
    ["os.system"],
    {"a": "os.system"},
]
INSIDE_NAME_OUTSIDE_OBJECT = [
    "ai_mixer.data.folder.Path",  # what a module imports is not its own
    "ai_mixer.data.datamodule.multiprocessing.Process",
    "ai_mixer.data.datamodule.sys.exit",
    "ai_mixer.data.folder.Folder.__init__",
    "ai_mixer.data.folder.Folder.__subclasses__",
    "ai_mixer.data.folder.Folder.__init__.__globals__",
    "ai_mixer.training.schedulers.math.sin",
    "ai_mixer.console.load.load_console",  # a function where only classes are meant
    "ai_mixer.models.nothing.Model",
    "ai_mixer.audio.excerpt.soundfile",
    "torch.optim.adam.torch.hub.load",
    "torch.optim.adam.torch",
    "pytorch_lightning.callbacks.model_checkpoint.torch.load",
    "pytorch_lightning.callbacks.model_checkpoint.shutil",
    "pytorch_lightning.callbacks.model_checkpoint.Path",
]


def config(target, **more):
    return OmegaConf.create({"model": {"list": [{"_target_": target, **more}]}})


@pytest.mark.parametrize("target", OUTSIDE, ids=str)
def test_a_name_outside_is_refused_in_one_line(target):
    with pytest.raises(ValueError, match="not among what a config may name") as caught:
        check_targets(config(target))
    assert str(caught.value).startswith(f"model.list.0._target_={target}: ")
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="not among what a config may name"):
        resolve_checked(config(target), "model")


@pytest.mark.parametrize("target", INSIDE_NAME_OUTSIDE_OBJECT)
def test_an_allowed_module_lends_its_name_to_nothing_else(target):
    check_targets(config(target))  # the name alone is well
    with pytest.raises(ValueError, match=r"not among what|nothing of that name") as caught:
        resolve_checked(config(target), "model")
    assert str(caught.value).startswith(f"model.list.0._target_={target}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "target",
    [
        "ai_mixer.data.folder.Folder",
        "ai_mixer.console.Console",
        "ai_mixer.training.schedulers.cosine",
        "torch.optim.AdamW",
        "torch.optim.SGD",
        "pytorch_lightning.Trainer",
        "pytorch_lightning.callbacks.ModelCheckpoint",
        "pytorch_lightning.profilers.SimpleProfiler",
        "pytorch_lightning.strategies.DDPStrategy",
    ],
)
def test_what_configs_need_is_allowed(target):
    check_targets(config(target))
    assert resolve_checked(config(target, x=1), "model") == {"list": [{"_target_": target, "x": 1}]}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the user's own that leaves a trace when it is imported."""
    name = f"outsider_{tmp_path.name.replace('-', '_')}"
    trace = tmp_path / "imported"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "parts.py").write_text(
        f"import pathlib\npathlib.Path({str(trace)!r}).touch()\nfrom pathlib import Path\n"
        "class Model:\n    pass\ndef model():\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield name, trace
    for module in [known for known in sys.modules if known.partition(".")[0] == name]:
        del sys.modules[module]


def test_refusing_imports_nothing(package):
    name, trace = package
    for target in (f"{name}.parts.Model", f"ai_mixer.data.{name}.parts.Model"):
        with pytest.raises(ValueError, match="_target_"):
            resolve_checked(config(target), "model")
    # An allowed target before it does not open the door.
    good = {"_target_": "torch.optim.Adam"}
    both = OmegaConf.create({"model": [good, {"_target_": f"{name}.parts.Model"}]})
    with pytest.raises(ValueError, match=r"model\.1\._target_"):
        resolve_checked(both, "model")
    assert not trace.exists()
    assert name not in sys.modules


def test_a_package_one_vouches_for_is_allowed(package):
    name, trace = package
    for target in (f"{name}.parts.Model", f"{name}.parts.model"):
        check_targets(config(target), [name])
        assert not trace.exists() or target.endswith("model")
        resolve_checked(config(target), "model", [name])
    assert trace.exists()
    with pytest.raises(ValueError, match="not among"):  # not for what it imports
        resolve_checked(config(f"{name}.parts.Path"), "model", [name])
    with pytest.raises(ValueError, match="not among"):  # nor for all that begins alike
        check_targets(config(f"{name}s.parts.Model"), [name])


def test_a_broken_module_says_itself_what_is_wrong(package, tmp_path):
    """A missing dependency, or a bug, is not a wrong name."""
    name, _ = package
    for content, error in (
        ("import no_such_module", ModuleNotFoundError),
        ("1 / 0", ArithmeticError),
    ):
        (tmp_path / name / "broken.py").write_text(content)
        with pytest.raises(error):
            resolve_checked(config(f"{name}.broken.Model"), "model", [name])


def test_a_reference_is_followed_before_it_is_judged():
    cfg = OmegaConf.create(
        {
            "word": "os.system",
            "elsewhere": {"_target_": "os.system"},
            "model": {"_target_": "${word}"},
            "loss": {"part": "${elsewhere}"},
        }
    )
    for key in ("model", "loss"):
        with pytest.raises(ValueError, match=r"=os\.system: not among"):
            resolve_checked(cfg, key)
    with pytest.raises(ValueError, match="not among"):  # unresolved: no name that is allowed
        check_targets(OmegaConf.create({"model": {"_target_": "${word}"}}))


@pytest.mark.parametrize(
    "text", [r"\${oc.create:{_target_: os.system}}", r"a\${word}", r"\\\${word}"]
)
def test_what_would_be_resolved_a_second_time_is_refused(text):
    cfg = OmegaConf.create({"word": "os.system", "model": {"_target_": "torch.optim.Adam"}})
    cfg.model.lr = text
    with pytest.raises(ValueError, match=r"model\.lr=.*still a reference"):
        resolve_checked(cfg, "model")


def test_a_target_made_while_resolving_is_seen():
    cfg = OmegaConf.create({"model": {"lr": "${oc.create:{_target_: os.system}}"}})
    with pytest.raises(ValueError, match=r"model\.lr\._target_=os.system"):
        resolve_checked(cfg, "model")


def test_a_card_cannot_vouch_for_itself():
    card = {"allow_targets": ["os"], "model": {"_target_": "os.system"}}
    assert config_from_card(card).allow_targets == []
    assert config_from_card(card, ["mine"]).allow_targets == ["mine"]
    assert card["allow_targets"] == ["os"]  # the card itself stays as it was read


def test_what_is_null_or_plain_stays_and_what_lacks_is_named():
    cfg = OmegaConf.create({"augment": None, "seed": 3, "empty": {}})
    assert resolve_checked(cfg, "augment") is None
    assert resolve_checked(cfg, "seed") == 3
    assert resolve_checked(cfg, "empty") == {}
    with pytest.raises(ValueError, match="console: the config lacks"):
        resolve_checked(cfg, "console")


def test_the_list_is_as_narrow_as_it_says():
    """The parts a config is made of; not the stages, not the tracking, not our front door."""
    ours = {
        place for place in (*ALLOWED_CLASSES, *ALLOWED_FUNCTIONS) if place.startswith("ai_mixer")
    }
    package = Path(sys.modules["ai_mixer"].__file__).parent
    for place in ours:
        name = place.removeprefix("ai_mixer.").replace(".", "/")
        assert (package / name).is_dir() or (package / f"{name}.py").is_file(), place
    stages = {
        "train",
        "evaluate",
        "render",
        "listen",
        "mixer",
        "tracking",
        "assemble",
        "allow_targets",
    }
    assert not {place.split(".")[1] for place in ours} & stages
    assert "ai_mixer" not in ours
