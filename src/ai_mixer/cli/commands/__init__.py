"""The commands of `ai-mixer`, one file each."""
