"""One colour per thing, the same on every dashboard: red is for failures, and each stage has its own."""

GREEN = "green"
YELLOW = "yellow"
ORANGE = "orange"
RED = "red"
BLUE = "blue"
PURPLE = "purple"
GRAY = "#8e8e8e"

STAGES = {
    "queue": ORANGE,
    "decode": "light-blue",
    "preprocess": BLUE,
    "inference": GREEN,
    "postprocess": PURPLE,
    "encode": "light-yellow",
}
OUTCOMES = {"ok": GREEN, "client_error": YELLOW, "rejected": ORANGE, "timeout": PURPLE, "error": RED}
STATUSES = {"2xx": GREEN, "4xx": YELLOW, "5xx": RED}
QUANTILES = {"p50": GREEN, "p95": YELLOW, "p99": ORANGE}
# Codes that are the service's fault, or its load's; those of callers take what the palette gives.
REASONS = {"internal_error": RED, "overloaded": ORANGE, "not_ready": "dark-orange", "deadline_exceeded": PURPLE}
COMPARED = {"now": BLUE, "baseline": GRAY}
