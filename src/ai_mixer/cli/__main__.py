"""`python -m ai_mixer.cli`: `ai-mixer` where the command is not in the PATH."""

from ai_mixer.cli import main

if __name__ == "__main__":
    main()
