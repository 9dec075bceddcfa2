"""What every classifier offers beside its logits: class activation maps from one forward pass."""

from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from models.network import Network


class Classifier(Network):
    """A network from normalised pictures, float32 (N, C, H, W), to logits, float32 (N, classes)."""

    cam_method: ClassVar[Literal["cam", "grad-cam"]]
    """cam: Zhou et al. 2016, without ReLU. grad-cam: Selvaraju et al. 2017, with its ReLU."""
    cam_layer: str
    """Name of the module whose activations the maps weigh, after their nonlinearity."""

    @abstractmethod
    def forward_with_cam(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Classify and explain, with forward operations only, so that one exported graph does both.

        Args:
            x: Normalised pictures, float32 (N, C, H, W).
            target: Class that each row's map explains, int64 (N,); -1 is the row's top-1 class. So is any other
                negative number: the graph looks at no value, and who asks for a class checks it before.

        Returns:
            Logits, float32 (N, classes), and maps by `cam_method`, float32 (N, h, w), neither scaled nor resized.
            Dropout plays no part in either.

        Raises:
            IndexError: A target is not below the number of classes.
        """

    @abstractmethod
    def forward_with_hirescam(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Like `forward_with_cam`, with HiResCAM (Draelos and Carin 2020) at the same layer, without ReLU.

        The gradient of the explained logit is multiplied with the activations position by position.
        """


class PooledClassifier(Classifier):
    """A network that ends in global average pooling and one linear layer, which makes its map the classic CAM."""

    cam_method: ClassVar[Literal["cam", "grad-cam"]] = "cam"
    heads: ClassVar[tuple[str, ...]] = ("fc",)

    @abstractmethod
    def activations(self, x: Tensor) -> Tensor:
        """Maps (N, K, h, w) before the pooling, after their nonlinearity, of pictures (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures (N, C, H, W) to logits (N, classes)."""
        logits: Tensor = self._head()(self.activations(x).mean(dim=(2, 3)))
        return logits

    def forward_with_cam(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits (N, classes) and the classic CAM (N, h, w), whose mean plus the bias is the logit.

        Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016, equation 2.
        """
        activations = self.activations(x)
        head = self._head()
        logits = head(activations.mean(dim=(2, 3)))
        weights = head.weight.index_select(0, resolve_target(logits, target))
        return logits, (activations * weights[:, :, None, None]).sum(dim=1)

    def forward_with_hirescam(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits and HiResCAM, here the CAM divided by the number of positions; see `Classifier`."""
        logits, cam = self.forward_with_cam(x, target)
        return logits, cam / (cam.shape[1] * cam.shape[2])

    def _head(self) -> nn.Linear:
        head = self.get_submodule(self.heads[0])
        assert isinstance(head, nn.Linear)
        return head


def resolve_target(logits: Tensor, target: Tensor) -> Tensor:
    """Replace what is negative in `target`, int64 (N,), by the top-1 class of `logits`, (N, classes)."""
    return torch.where(target < 0, logits.argmax(dim=1), target)


def grad_cam(activations: Tensor, alpha: Tensor) -> Tensor:
    """Weigh activations (N, K, h, w) by `alpha` (N, K): Grad-CAM's map (N, h, w), ReLU included.

    `alpha` is the mean over positions of the gradient of the explained logit; see Selvaraju et al.,
    "Grad-CAM", ICCV 2017, equations 1 and 2.
    """
    return torch.relu((activations * alpha[:, :, None, None]).sum(dim=1))
