"""Operations by hand: what a person switches, sets and tags."""
