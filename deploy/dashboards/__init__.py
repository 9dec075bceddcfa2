"""Grafana's dashboards, written by code and kept in git as JSON; docs/dashboards.md says what each answers."""
