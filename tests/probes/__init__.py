"""What servers do that no standard promises: the facts on which recovery is built, looked at again in each run."""
