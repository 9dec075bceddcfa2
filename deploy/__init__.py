"""What runs beside the service: Prometheus, Grafana, alert rules and the load balancer in front."""
