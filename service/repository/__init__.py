"""Published models on disk: the artifact contract, and the folder of versions that is watched."""
