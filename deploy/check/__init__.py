"""The deployment exercised for real: `python -m deploy.check`."""
