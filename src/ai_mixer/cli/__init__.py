"""`ai-mixer`: the command line for users. Heavy packages are imported when a command runs."""

import gc
import sys

GC_THRESHOLD = 100_000  # allocations between two runs of the garbage collector


def main() -> None:
    """Entry point of `ai-mixer`."""
    # With the default threshold, the garbage collector runs a hundred times while torch is
    # imported, which is an eighth of the start-up time.
    gc.set_threshold(GC_THRESHOLD)
    from ai_mixer.cli.app import app
    from ai_mixer.cli.commands.errors import format_error
    from ai_mixer.utils.log import configure_logging
    from ai_mixer.utils.signals import handle_stop_signals

    configure_logging()
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        with handle_stop_signals("finished results are kept, unfinished ones were removed"):
            app(arguments)
    except Exception as error:
        if debug:
            raise
        print(f"error: {format_error(error)}", file=sys.stderr)
        raise SystemExit(1) from None
