"""Two states of a project timed side by side: workers that take turns, and a verdict in two stages."""
