"""The online half: a BentoML service that answers with classes and class activation maps."""
