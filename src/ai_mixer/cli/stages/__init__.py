"""The stages: one command per make target, each with a config in configs/stage."""
