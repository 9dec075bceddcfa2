"""What is sent, when, and by whom: the half that runs inside Locust."""
