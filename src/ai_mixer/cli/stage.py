"""What the `main` of every stage shares: Hydra composes, and a user's mistake is one line.

It is printed as `error: …` and ends the stage with code 1. A bug keeps its traceback; `--debug`
gives one to a mistake, too.
"""

import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.utils import env_override
from omegaconf import DictConfig

from ai_mixer.cli.errors import in_one_line
from ai_mixer.config.allowed_targets import check_names
from ai_mixer.config.argument_validation import check_arguments
from ai_mixer.config.folder import config_folder
from ai_mixer.config.override_errors import check_words, choices_only
from ai_mixer.utils.progress import quiet

DEBUG = "--debug"
INTERRUPTED = 130  # what a shell reports for Ctrl-C

Task = Callable[[DictConfig], None]
Words = list[str]


def stage(
    page: str, meant: Callable[[Words], Words] = list, keys: Mapping[str, str] | None = None
) -> Callable[[Task], Callable[[], None]]:
    """Make a function of the config `stage/<page>` the command line's way into a stage.

    meant: from the words as typed to the words that Hydra composes. keys: keys as typed → as the
    page has them, where a config group of `train` has the name: Hydra takes it for the group.
    """

    def decorate(task: Task) -> Callable[[], None]:
        @functools.wraps(task)
        def main() -> None:
            quiet()
            debug = DEBUG in sys.argv
            sys.argv = [word for word in sys.argv if word != DEBUG]
            sys.argv = [_renamed(word, keys or {}) for word in sys.argv]
            asked = get_args_parser().parse_args()

            def checked(cfg: DictConfig) -> None:
                with _one_line(page, asked.overrides, debug):  # here, or Hydra adds its own lines
                    check_names(cfg, tuple(cfg.get("trusted") or ()))
                    check_arguments(cfg, choices_only(page, asked.overrides))
                    task(cfg)

            pages = str(config_folder())
            with env_override({"HYDRA_FULL_ERROR": "1"}), _one_line(page, asked.overrides, debug):
                if not (asked.config_dir or asked.config_path or asked.config_name):
                    check_words(asked.overrides)
                flags = [word for word in sys.argv if word not in asked.overrides]
                asked.overrides[:] = meant(list(asked.overrides))
                sys.argv = [*flags, *asked.overrides]
                name = f"stage/{page}"
                hydra.main(version_base="1.3", config_path=pages, config_name=name)(checked)()

        return main

    return decorate


def _renamed(word: str, keys: Mapping[str, str]) -> str:
    key, equals, value = word.partition("=")
    return f"{keys.get(key, key)}{equals}{value}"


@contextmanager
def _one_line(page: str, words: Sequence[str], debug: bool) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        line = None if debug else in_one_line(error, page, words)
        if line is None:
            raise
        print(f"error: {line}", file=sys.stderr)
        raise SystemExit(1) from error
