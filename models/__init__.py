"""The networks, one file per paper: tensors in, tensors out."""
