"""The leaderboard: every recipe on the same held-out songs, fold by fold."""
