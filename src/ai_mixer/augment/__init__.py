"""What is changed in training: the song before the task, or the rough after it."""
