"""The Prometheus metrics of a worker, by subject: requests, inference, models, process; docs/metrics.md lists them."""
