"""The map of the grid."""
