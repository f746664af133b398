"""`ai-mixer`: the musician's command line. Nothing heavy is loaded before a command runs."""

import sys


def main() -> None:
    """What `ai-mixer …` runs."""
    from ai_mixer.cli.app import app
    from ai_mixer.cli.errors import one_line

    debug = "--debug" in sys.argv
    words = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        app(words)
    except Exception as error:
        if debug:
            raise
        print(f"error: {one_line(error)}", file=sys.stderr)
        raise SystemExit(1) from None
