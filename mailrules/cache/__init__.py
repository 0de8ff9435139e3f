"""Facts that cannot change, kept between runs: a cache in the state directory that may be deleted at any time."""
