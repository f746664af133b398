"""Tests of the allow-list of targets: names, objects and interpolations."""

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
    "torch.optimiser.Adam",  # same prefix as an allowed module
    "ai_mixer_.models.Model",
    "ai_mixer.inference.predictor.load_model",  # the config could pass its own allow_targets
    "ai_mixer.tracking.git.git_state",
    "ai_mixer.cli.pipeline.train",
    "pytorch_lightning.loggers.MLFlowLogger",
    "",
    "model",
    None,
    7,
    ["os.system"],
    {"a": "os.system"},
]
INSIDE_NAME_OUTSIDE_OBJECT = [
    "ai_mixer.data.folder.Path",  # imported by the module, not defined in it
    "ai_mixer.data.datamodule.multiprocessing.Process",
    "ai_mixer.data.datamodule.sys.exit",
    "ai_mixer.data.folder.Folder.__init__",
    "ai_mixer.data.folder.Folder.__subclasses__",
    "ai_mixer.data.folder.Folder.__init__.__globals__",
    "ai_mixer.training.schedulers.math.sin",
    "ai_mixer.console.load.load_console",  # a function where only classes are allowed
    "ai_mixer.models.nothing.Model",
    "ai_mixer.effects.reverb.np",
    "torch.optim.adam.torch.hub.load",
    "torch.optim.adam.torch",
    "pytorch_lightning.callbacks.model_checkpoint.torch.load",
    "pytorch_lightning.callbacks.model_checkpoint.shutil",
    "pytorch_lightning.callbacks.model_checkpoint.Path",
]


def config(target, **arguments):
    return OmegaConf.create({"model": {"list": [{"_target_": target, **arguments}]}})


@pytest.mark.parametrize("target", OUTSIDE, ids=str)
def test_a_target_outside_is_rejected_in_one_line(target):
    with pytest.raises(ValueError, match="not among the allowed targets") as caught:
        check_targets(config(target))
    assert str(caught.value).startswith(f"model.list.0._target_={target}: ")
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="not among the allowed targets"):
        resolve_checked(config(target), "model")


@pytest.mark.parametrize("target", INSIDE_NAME_OUTSIDE_OBJECT)
def test_objects_that_an_allowed_module_only_imports_are_rejected(target):
    check_targets(config(target))  # the name alone is allowed
    with pytest.raises(ValueError, match=r"not among|nothing of that name") as caught:
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
def test_targets_of_the_config_files_are_allowed(target):
    check_targets(config(target))
    assert resolve_checked(config(target, x=1), "model") == {"list": [{"_target_": target, "x": 1}]}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A user's package that creates a file when it is imported."""
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


def test_a_rejected_target_is_not_imported(package):
    name, trace = package
    for target in (f"{name}.parts.Model", f"ai_mixer.data.{name}.parts.Model"):
        with pytest.raises(ValueError, match="_target_"):
            resolve_checked(config(target), "model")
    # Also after an allowed target.
    allowed = {"_target_": "torch.optim.Adam"}
    both = OmegaConf.create({"model": [allowed, {"_target_": f"{name}.parts.Model"}]})
    with pytest.raises(ValueError, match=r"model\.1\._target_"):
        resolve_checked(both, "model")
    assert not trace.exists()
    assert name not in sys.modules


def test_a_package_in_allow_targets_is_allowed(package):
    name, trace = package
    for target in (f"{name}.parts.Model", f"{name}.parts.model"):
        check_targets(config(target), [name])
        assert not trace.exists() or target.endswith("model")
        resolve_checked(config(target), "model", [name])
    assert trace.exists()
    with pytest.raises(ValueError, match="not among"):  # an object that the package imports
        resolve_checked(config(f"{name}.parts.Path"), "model", [name])
    with pytest.raises(ValueError, match="not among"):  # a package with the same prefix
        check_targets(config(f"{name}s.parts.Model"), [name])


def test_errors_while_importing_a_module_are_raised(package, tmp_path):
    """A missing dependency or a bug is not an unknown name."""
    name, _ = package
    for content, error in (
        ("import no_such_module", ModuleNotFoundError),
        ("1 / 0", ArithmeticError),
    ):
        (tmp_path / name / "broken.py").write_text(content)
        with pytest.raises(error):
            resolve_checked(config(f"{name}.broken.Model"), "model", [name])


def test_interpolations_are_resolved_before_the_check():
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
    with pytest.raises(ValueError, match="not among"):  # unresolved: not an allowed name
        check_targets(OmegaConf.create({"model": {"_target_": "${word}"}}))


@pytest.mark.parametrize(
    "text", [r"\${oc.create:{_target_: os.system}}", r"a\${word}", r"\\\${word}"]
)
def test_text_that_would_be_resolved_a_second_time_is_rejected(text):
    cfg = OmegaConf.create({"word": "os.system", "model": {"_target_": "torch.optim.Adam"}})
    cfg.model.lr = text
    with pytest.raises(ValueError, match=r"model\.lr=.*interpolation"):
        resolve_checked(cfg, "model")


def test_a_target_created_while_resolving_is_checked():
    cfg = OmegaConf.create({"model": {"lr": "${oc.create:{_target_: os.system}}"}})
    with pytest.raises(ValueError, match=r"model\.lr\._target_=os.system"):
        resolve_checked(cfg, "model")


def test_a_model_card_cannot_set_its_own_allow_targets():
    card = {"allow_targets": ["os"], "model": {"_target_": "os.system"}}
    assert config_from_card(card).allow_targets == []
    assert config_from_card(card, ["my_package"]).allow_targets == ["my_package"]
    assert card["allow_targets"] == ["os"]  # the argument is not changed


def test_null_and_plain_values_are_returned_and_a_missing_key_is_named():
    cfg = OmegaConf.create({"augment": None, "seed": 3, "empty": {}})
    assert resolve_checked(cfg, "augment") is None
    assert resolve_checked(cfg, "seed") == 3
    assert resolve_checked(cfg, "empty") == {}
    with pytest.raises(ValueError, match="console: missing"):
        resolve_checked(cfg, "console")


def test_allowed_modules_exist_and_exclude_stages_and_tracking():
    own = {name for name in (*ALLOWED_CLASSES, *ALLOWED_FUNCTIONS) if name.startswith("ai_mixer")}
    package = Path(sys.modules["ai_mixer"].__file__).parent
    for name in own:
        path = package / name.removeprefix("ai_mixer.").replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), name
    excluded = {"audio", "cli", "config", "evaluation", "inference", "listening", "mixing"}
    assert not {name.split(".")[1] for name in own} & {*excluded, "tracking", "utils"}
    assert not own & {"ai_mixer", "ai_mixer.training", "ai_mixer.tuning"}
