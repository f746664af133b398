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

from ai_mixer.cli.errors import one_line_message
from ai_mixer.config.allowed_targets import check_targets
from ai_mixer.config.argument_validation import check_arguments
from ai_mixer.config.folder import config_folder
from ai_mixer.config.override_errors import check_overrides
from ai_mixer.config.overrides import compose_group_choices
from ai_mixer.config.renamed import translate_composed, translate_typed
from ai_mixer.utils.log import configure_logging
from ai_mixer.utils.progress import configure_warnings

DEBUG_FLAG = "--debug"
EXIT_INTERRUPTED = 130  # what a shell reports for Ctrl-C

StageFunction = Callable[[DictConfig], None]
Overrides = list[str]


def stage(
    config_name: str,
    transform: Callable[[Overrides], Overrides] = list,
    key_aliases: Mapping[str, str] | None = None,
) -> Callable[[StageFunction], Callable[[], None]]:
    """Make a function of the config `stage/<page>` the command line's way into a stage.

    meant: from the words as typed to the words that Hydra composes. keys: keys as typed → as the
    page has them, where a config group of `train` has the name: Hydra takes it for the group.
    """

    def decorate(task: StageFunction) -> Callable[[], None]:
        @functools.wraps(task)
        def main() -> None:
            configure_warnings()
            configure_logging()
            debug = DEBUG_FLAG in sys.argv
            sys.argv = [word for word in sys.argv if word != DEBUG_FLAG]
            sys.argv = [_rename_key(word, key_aliases or {}) for word in sys.argv]
            asked = get_args_parser().parse_args()

            def checked(cfg: DictConfig) -> None:
                with _report_user_errors(
                    config_name, asked.overrides, debug
                ):  # here, or Hydra adds its own lines
                    configure_logging(quiet=bool(cfg.quiet))
                    cfg = translate_composed(cfg, config_name)
                    check_targets(cfg, tuple(cfg.get("allow_targets") or ()))
                    check_arguments(cfg, compose_group_choices(config_name, asked.overrides))
                    task(cfg)

            pages = str(config_folder())
            with (
                env_override({"HYDRA_FULL_ERROR": "1"}),
                _report_user_errors(config_name, asked.overrides, debug),
            ):
                flags = [word for word in sys.argv if word not in asked.overrides]
                asked.overrides[:] = translate_typed(config_name, asked.overrides)
                if not (asked.config_dir or asked.config_path or asked.config_name):
                    check_overrides(asked.overrides)
                asked.overrides[:] = transform(list(asked.overrides))
                sys.argv = [*flags, *asked.overrides]
                name = f"stage/{config_name}"
                hydra.main(version_base="1.3", config_path=pages, config_name=name)(checked)()

        return main

    return decorate


def _rename_key(word: str, key_aliases: Mapping[str, str]) -> str:
    key, equals, value = word.partition("=")
    return f"{key_aliases.get(key, key)}{equals}{value}"


@contextmanager
def _report_user_errors(config_name: str, overrides: Sequence[str], debug: bool) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None
    except Exception as error:
        line = None if debug else one_line_message(error, config_name, overrides)
        if line is None:
            raise
        print(f"error: {line}", file=sys.stderr)
        raise SystemExit(1) from error
