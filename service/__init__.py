"""The online half: a BentoML service that answers with classes, masks and class activation maps."""

# Here, because a Bento holds the code and not the package.
__version__ = "0.1.0"
