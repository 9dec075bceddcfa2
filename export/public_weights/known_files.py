"""The public files of weights: their addresses, what their bytes must be, and how pictures are prepared for them."""

from dataclasses import dataclass

from export.public_weights.fitting import Form
from export.public_weights.inputs import FCN_RESNET50, GOOGLENET, GRAY, IMAGENET, IMAGENET_232, XCEPTION, Input
from export.recipes import RECIPES
from models import facts_of

_TORCHVISION = "https://download.pytorch.org/models/"
_TIMM = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-cadene/"
_IMAGENET_EDGE_PX = 224


@dataclass(frozen=True, kw_only=True)
class PublicFile:
    """A well-known file; its name ends in the first digits of its SHA-256."""

    url: str
    input: Input = IMAGENET

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.url.rpartition("/")[2]

    @property
    def sha256_start(self) -> str:
        """First digits of the file's SHA-256, hexadecimal."""
        return self.name.rpartition("-")[2].partition(".")[0]


DEFAULTS: dict[str, PublicFile] = {
    "alexnet": PublicFile(url=_TORCHVISION + "alexnet-owt-7be5be79.pth"),
    "vgg16": PublicFile(url=_TORCHVISION + "vgg16-397923af.pth"),
    "vgg19": PublicFile(url=_TORCHVISION + "vgg19-dcbb9e9d.pth"),
    "vgg16_bn": PublicFile(url=_TORCHVISION + "vgg16_bn-6c64b313.pth"),
    "vgg19_bn": PublicFile(url=_TORCHVISION + "vgg19_bn-c79401a0.pth"),
    "resnet18": PublicFile(url=_TORCHVISION + "resnet18-f37072fd.pth"),
    "resnet34": PublicFile(url=_TORCHVISION + "resnet34-b627a593.pth"),
    "resnet50": PublicFile(url=_TORCHVISION + "resnet50-11ad3fa6.pth", input=IMAGENET_232),
    "resnet101": PublicFile(url=_TORCHVISION + "resnet101-cd907fc2.pth", input=IMAGENET_232),
    "resnet152": PublicFile(url=_TORCHVISION + "resnet152-f82ba261.pth", input=IMAGENET_232),
    "densenet121": PublicFile(url=_TORCHVISION + "densenet121-a639ec97.pth"),
    "densenet169": PublicFile(url=_TORCHVISION + "densenet169-b2777c0a.pth"),
    "densenet201": PublicFile(url=_TORCHVISION + "densenet201-c1103571.pth"),
    "googlenet": PublicFile(url=_TORCHVISION + "googlenet-1378be20.pth", input=GOOGLENET),
    "xception": PublicFile(url=_TIMM + "xception-43020ad28.pth", input=XCEPTION),
    "fcn_resnet50": PublicFile(url=_TORCHVISION + "fcn_resnet50_coco-1167a1af.pth", input=FCN_RESNET50),
}
"""What `--weights default` takes, per network. Files that are not here have the usual input of their network."""

_USUAL: dict[str, Input] = {"googlenet": GOOGLENET, "xception": XCEPTION, "fcn_resnet50": FCN_RESNET50}
"""Networks whose public files have another input than ImageNet's usual one."""


def input_of(model: str, form: Form, sha256: str) -> Input | None:
    """How pictures are prepared for a file, told by its bytes, else by its shapes; None where that is not known."""
    known = DEFAULTS.get(model)
    if known and sha256.startswith(known.sha256_start):
        return known.input
    facts = facts_of(model)
    is_small = form.options.get("stem") == "small" or facts.input_px[0] < _IMAGENET_EDGE_PX
    if facts.task == "image-segmentation":
        if form.in_channels == 3 and model in _USUAL:
            return _USUAL[model]
    elif not is_small:
        return _USUAL.get(model, IMAGENET) if form.in_channels == 3 else GRAY
    recipe = RECIPES[model]
    if recipe.options == form.options and recipe.preprocessing.channels == form.in_channels:
        return Input(preprocessing=recipe.preprocessing, pixel_mean=recipe.pixel_mean, pixel_std=recipe.pixel_std)
    return None
