"""`ai-mixer`: the command line for users. Heavy packages are imported when a command runs."""

import gc
import sys

GC_THRESHOLD = 100_000  # allocations between two runs of the garbage collector
CLOSING_LINE = "finished results are kept, unfinished ones were removed"
EXIT_WITHIN_S = 1.2  # after a signal


def main() -> None:
    """Entry point of `ai-mixer`."""
    # With the default threshold, the garbage collector runs a hundred times while torch is
    # imported, which is an eighth of the start-up time.
    gc.set_threshold(GC_THRESHOLD)
    from ai_mixer.utils.signals import handle_stop_signals  # before the imports that take seconds

    with handle_stop_signals(CLOSING_LINE, exit_within_s=EXIT_WITHIN_S):
        _run([argument for argument in sys.argv[1:] if argument != "--debug"])


def _run(arguments: list[str]) -> None:
    from ai_mixer.cli.app import app
    from ai_mixer.cli.commands.errors import format_error
    from ai_mixer.utils.log import configure_logging

    configure_logging()
    try:
        app(arguments)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        print(f"error: {format_error(error)}", file=sys.stderr)
        raise SystemExit(1) from None
