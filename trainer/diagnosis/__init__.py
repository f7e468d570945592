"""Rules that say what a training shows, each with its numbers; silent where they cannot tell."""
