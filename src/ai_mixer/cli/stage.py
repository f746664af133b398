"""Decorator of every stage's `main`: compose the config with Hydra and report user errors.

A user error is printed as one line, `error: …`, with exit code 1. A bug keeps its traceback;
`--debug` shows that of a user error as well.
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
from ai_mixer.config.local_settings import apply_local_settings
from ai_mixer.config.override_errors import check_overrides
from ai_mixer.config.overrides import compose_group_choices
from ai_mixer.config.renamed import translate_composed, translate_typed
from ai_mixer.config.search_path import register_search_path
from ai_mixer.utils.log import configure_logging
from ai_mixer.utils.progress import configure_warnings
from ai_mixer.utils.signals import handle_stop_signals

DEBUG_FLAG = "--debug"
EXIT_INTERRUPTED = 130  # exit code of shells for SIGINT

StageFunction = Callable[[DictConfig], None]
Overrides = list[str]


def stage(
    config_name: str,
    transform: Callable[[Overrides], Overrides] = list,
    key_aliases: Mapping[str, str] | None = None,
) -> Callable[[StageFunction], Callable[[], None]]:
    """Turn a function of the config `stage/<config_name>` into an entry point.

    transform: maps the given overrides to those that Hydra composes. key_aliases: key on the
    command line → key of the config, for names that Hydra would take for a config group.
    """

    def decorate(task: StageFunction) -> Callable[[], None]:
        @functools.wraps(task)
        def main() -> None:
            configure_warnings()
            configure_logging()
            debug = DEBUG_FLAG in sys.argv
            sys.argv = [argument for argument in sys.argv if argument != DEBUG_FLAG]
            sys.argv = [_rename_key(argument, key_aliases or {}) for argument in sys.argv]
            arguments = get_args_parser().parse_args()

            def run_task(cfg: DictConfig) -> None:
                # Inside of Hydra, which would print lines of its own for an error.
                with _report_user_errors(config_name, arguments.overrides, debug):
                    apply_local_settings(cfg, arguments.overrides)
                    configure_logging(quiet=bool(cfg.quiet))
                    task(checked_config(cfg, config_name, arguments.overrides))

            folder = str(config_folder())
            register_search_path()
            with (
                handle_stop_signals("repeat the command"),
                env_override({"HYDRA_FULL_ERROR": "1"}),
                _report_user_errors(config_name, arguments.overrides, debug),
            ):
                flags = [text for text in sys.argv if text not in arguments.overrides]
                arguments.overrides[:] = translate_typed(config_name, arguments.overrides)
                if not (arguments.config_dir or arguments.config_path or arguments.config_name):
                    check_overrides(arguments.overrides)
                arguments.overrides[:] = transform(list(arguments.overrides))
                sys.argv = [*flags, *arguments.overrides]
                name = f"stage/{config_name}"
                hydra.main(version_base="1.3", config_path=folder, config_name=name)(run_task)()

        return main

    return decorate


def checked_config(cfg: DictConfig, config_name: str, overrides: Sequence[str]) -> DictConfig:
    """Translate old names in a composed config and check its targets and values.

    ValueError in one line.
    """
    cfg = translate_composed(cfg, config_name, overrides)
    check_targets(cfg, tuple(cfg.get("allow_targets") or ()))
    check_arguments(cfg, compose_group_choices(config_name, overrides))
    return cfg


def _rename_key(override: str, key_aliases: Mapping[str, str]) -> str:
    key, equals, value = override.partition("=")
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
