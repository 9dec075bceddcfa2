"""Speed of the service beside a hand-written peer and the bare floor; run by `make bench`."""

import os

# onnxruntime reports to its makers; Convoy turns that off, so the others do not pay for it here either.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
