"""`ai-mixer`: the musician's command line. Nothing heavy is loaded before a command runs."""

import gc
import sys

GC_THRESHOLD = 100_000  # made before the collector looks for those that hold each other


def main() -> None:
    """What `ai-mixer …` runs."""
    # With the default threshold the collector runs a hundred times while torch is imported, which
    # takes an eighth of the start.
    gc.set_threshold(GC_THRESHOLD)
    from ai_mixer.cli.app import app
    from ai_mixer.cli.commands.errors import format_error
    from ai_mixer.utils.log import configure_logging

    configure_logging()
    debug = "--debug" in sys.argv
    words = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        app(words)
    except Exception as error:
        if debug:
            raise
        print(f"error: {format_error(error)}", file=sys.stderr)
        raise SystemExit(1) from None
