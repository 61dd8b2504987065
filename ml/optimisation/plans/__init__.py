"""Plans: what they must keep, whether they do, and in which order they are carried out."""
