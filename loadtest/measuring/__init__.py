"""Load on a service from outside: starts it and Locust, reads what it uses, writes the page."""
