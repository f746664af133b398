"""Lists of override strings, as a Hydra command line has them: `model=cnn`, `+trainer.x=1`."""

from collections.abc import Iterable

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override


def merge_overrides(stored: Iterable[str], new: Iterable[str] = ()) -> list[str]:
    """The stored overrides, then the new ones; of several with one key the last one counts.

    It takes the place of the first.

    >>> merge_overrides(["model=cnn", "+x=1", "seed=7"], ["seed=9", "+x=2", "model.channels=8"])
    ['model=cnn', '+x=2', 'seed=9', 'model.channels=8']
    """
    both = [*stored, *new]
    return list({_parse(override).get_key_element(): override for override in both}.values())


def without_keys(overrides: Iterable[str], *keys: str) -> list[str]:
    """The overrides but those of some keys.

    >>> without_keys(["ckpt_path=last", "seed=1", "++ckpt_path=x"], "ckpt_path")
    ['seed=1']
    """
    return [override for override in overrides if override_key(override) not in keys]


def override_key(override: str) -> str:
    """The dotted key or the config group that an override changes, adds or deletes.

    >>> override_key("+trainer.max_epochs=3"), override_key("loss/term@terms=knobs")
    ('trainer.max_epochs', 'loss/term')
    """
    return _parse(override).key_or_group


def _parse(override: str) -> Override:
    return OverridesParser.create().parse_override(override)
