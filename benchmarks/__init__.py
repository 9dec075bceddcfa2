"""Speed of the service beside a hand-written peer and the bare floor; run by `make bench`."""
