"""Bytes and arrays in, results out: decoding, preprocessing, onnxruntime, maps and rendering; knows no HTTP."""
