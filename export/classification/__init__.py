"""What the stages do for classifiers."""
