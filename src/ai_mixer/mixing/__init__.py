"""The musician's front door: a song in; its settings, its mix and what changed out."""
