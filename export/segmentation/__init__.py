"""What the stages do for segmenters."""
