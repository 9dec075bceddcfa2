"""Masks of classes: from logits to a class per pixel, and the forms in which masks leave the service."""
