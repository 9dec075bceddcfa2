"""The offline pipeline: train, onnx, verify, publish, evaluate."""
