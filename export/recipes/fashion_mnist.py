"""What all recipes on Fashion-MNIST share: its pictures as they are, 28 x 28 gray, light on a dark ground."""

from service.repository.artifact import Preprocessing

PREPROCESSING = Preprocessing(height=28, width=28, resize="stretch", colour="gray", polarity="light-on-dark")
# Of all pixels of the training files, in [0, 1].
PIXEL_MEAN = (0.2860,)
PIXEL_STD = (0.3530,)
