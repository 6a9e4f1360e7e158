"""The models on disk: found, checked against their cards and the contract, loaded, and looked up by name."""
