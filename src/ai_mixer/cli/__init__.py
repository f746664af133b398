"""`ai-mixer`: the musician's command line. Nothing heavy is loaded before a command runs."""

import gc
import sys

OBJECTS = 100_000  # made before the collector looks for those that hold each other


def main() -> None:
    """What `ai-mixer …` runs."""
    gc.set_threshold(OBJECTS)  # it looked through torch a hundred times: an eighth of the start
    from ai_mixer.cli.app import app
    from ai_mixer.cli.commands.errors import one_line

    debug = "--debug" in sys.argv
    words = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        app(words)
    except Exception as error:
        if debug:
            raise
        print(f"error: {one_line(error)}", file=sys.stderr)
        raise SystemExit(1) from None
