"""Several runs on the same songs: who they are, which songs are fair, who is better."""
