"""A misspelt key is refused by every stage before heavy packages are imported."""

import pkgutil
import subprocess
import sys

import pytest

from ai_mixer.cli import stages

HEAVY = ("librosa", "lightning_fabric", "matplotlib", "mlflow", "numba", "numpy", "optuna")
HEAVY += ("pandas", "pytorch_lightning", "scipy", "sklearn", "torch", "torchmetrics")
REQUIRED = {"data": "name=gtzan"}
WITHOUT_CONFIG = {"doctor"}  # takes no overrides
STAGES = [m.name for m in pkgutil.iter_modules(stages.__path__) if m.name not in WITHOUT_CONFIG]

CODE = """
import importlib, sys
for command in sys.argv[1:]:
    stage, *overrides = command.split()
    sys.argv = [stage, *overrides]
    try:
        importlib.import_module(f"ai_mixer.cli.stages.{stage}").main()
    except SystemExit as end:
        assert end.code == 1, command
print(*sorted(set(%s) & set(sys.modules)))
"""


def refused(*commands):
    """Errors of the commands, one process for all, and the heavy packages that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", CODE % repr(HEAVY), *commands],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.splitlines(), done.stdout.split()


@pytest.mark.slow
def test_every_stage_refuses_a_misspelt_key_without_heavy_imports():
    errors, heavy = refused(*(f"{stage} {REQUIRED.get(stage, '')} modle=x" for stage in STAGES))
    assert heavy == []
    assert len(errors) == len(STAGES) > 15
    for error in errors:
        assert error.startswith("error: modle=x: no such group or key")


@pytest.mark.slow
def test_misspelt_options_and_keys_of_groups_too():
    expected = {
        "train model=ast_regresor": "did you mean ast_regressor?",
        "train model.dropuot=0.2": "did you mean dropout?",
        "train trainer.max_epoch=1": "did you mean max_epochs?",
        "train optimizer.learning_rate=1": "no such key; optimizer has",
        "train trainer.min_epochs=1": "+trainer.min_epochs=1 adds it",
        "train optimizer.amsgrad=true": "+optimizer.amsgrad=true adds it",
        "sweep modle=x model.dropout=0.1,0.3": "did you mean model?",
    }
    errors, heavy = refused(*expected)
    assert heavy == []
    for error, text in zip(errors, expected.values(), strict=True):
        assert text in error
