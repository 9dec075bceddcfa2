"""The only rooms that know HTTP and Prometheus: they translate, and leave the work to inference."""
