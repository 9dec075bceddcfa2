"""What every training needs, whatever its task: batches, schedule, log, curves."""
