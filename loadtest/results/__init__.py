"""From rows of requests to percentiles, objectives, slopes and the knee; knows nothing of HTTP."""
