"""`python -m ai_mixer.cli`, where the command is not on the path."""

from ai_mixer.cli import main

if __name__ == "__main__":
    main()
