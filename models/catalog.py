"""The networks there are, by name."""

from models.alexnet import AlexNet
from models.densenet import densenet121, densenet169, densenet201, densenet_bc_100_12
from models.facts import ModelFacts
from models.fcn import Fcn8s, Fcn16s, Fcn32s
from models.fcn_resnet50 import FcnResNet50
from models.gap_variants import alexnet_gap, vgg16_gap
from models.googlenet import GoogLeNet
from models.lenet import LeNet5
from models.mnist_cnn import MnistCnn
from models.resnet import ResNet20, resnet18, resnet34, resnet50, resnet101, resnet152
from models.unet import UNet
from models.unet_xception import UNetXception
from models.vgg import vgg16, vgg16_bn, vgg19, vgg19_bn
from models.xception import Xception

_DENSENET = "Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks, CVPR 2017"
_ZHOU = "Zhou, Khosla, Lapedriza, Oliva, Torralba: Learning Deep Features for Discriminative Localization, CVPR 2016"
_VGG = "Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015"
_RESNET = "He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016"
_FCN = "Long, Shelhamer, Darrell: Fully Convolutional Networks for Semantic Segmentation, CVPR 2015"

MODELS: dict[str, ModelFacts] = {
    "lenet5": ModelFacts(
        builder=LeNet5,
        paper="LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition, "
        "Proceedings of the IEEE 86(11)",
        year=1998,
        input_px=(32, 32),
        in_channels=1,
        num_classes=10,
    ),
    "mnist_cnn": ModelFacts(
        builder=MnistCnn,
        paper="No paper; after TensorFlow's tutorial Deep MNIST for Experts",
        year=2015,
        input_px=(28, 28),
        in_channels=1,
        num_classes=10,
    ),
    "alexnet": ModelFacts(
        builder=AlexNet,
        paper="Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep Convolutional Neural Networks, "
        "NIPS 2012",
        year=2012,
    ),
    "vgg16": ModelFacts(builder=vgg16, paper=_VGG, year=2014),
    "vgg19": ModelFacts(builder=vgg19, paper=_VGG, year=2014),
    "vgg16_bn": ModelFacts(builder=vgg16_bn, paper=_VGG, year=2014),
    "vgg19_bn": ModelFacts(builder=vgg19_bn, paper=_VGG, year=2014),
    "alexnet_gap": ModelFacts(builder=alexnet_gap, paper=_ZHOU, year=2015),
    "vgg16_gap": ModelFacts(builder=vgg16_gap, paper=_ZHOU, year=2015),
    "resnet18": ModelFacts(builder=resnet18, paper=_RESNET, year=2015),
    "resnet34": ModelFacts(builder=resnet34, paper=_RESNET, year=2015),
    "resnet50": ModelFacts(builder=resnet50, paper=_RESNET, year=2015),
    "resnet101": ModelFacts(builder=resnet101, paper=_RESNET, year=2015),
    "resnet152": ModelFacts(builder=resnet152, paper=_RESNET, year=2015),
    "resnet20": ModelFacts(builder=ResNet20, paper=_RESNET, year=2015, input_px=(32, 32), num_classes=10),
    "densenet121": ModelFacts(builder=densenet121, paper=_DENSENET, year=2016),
    "densenet169": ModelFacts(builder=densenet169, paper=_DENSENET, year=2016),
    "densenet201": ModelFacts(builder=densenet201, paper=_DENSENET, year=2016),
    "densenet_bc_100_12": ModelFacts(
        builder=densenet_bc_100_12, paper=_DENSENET, year=2016, input_px=(32, 32), num_classes=10
    ),
    "googlenet": ModelFacts(
        builder=GoogLeNet, paper="Szegedy et al.: Going Deeper with Convolutions, CVPR 2015", year=2014
    ),
    "xception": ModelFacts(
        builder=Xception,
        paper="Chollet: Xception: Deep Learning with Depthwise Separable Convolutions, CVPR 2017",
        year=2016,
        input_px=(299, 299),
    ),
    "fcn32s": ModelFacts(
        builder=Fcn32s, task="image-segmentation", paper=_FCN, year=2014, input_px=(500, 500), num_classes=21
    ),
    "fcn16s": ModelFacts(
        builder=Fcn16s, task="image-segmentation", paper=_FCN, year=2014, input_px=(500, 500), num_classes=21
    ),
    "fcn8s": ModelFacts(
        builder=Fcn8s, task="image-segmentation", paper=_FCN, year=2014, input_px=(500, 500), num_classes=21
    ),
    "fcn_resnet50": ModelFacts(
        builder=FcnResNet50,
        task="image-segmentation",
        paper=f"{_FCN}; on the trunk of {_RESNET}",
        year=2015,
        input_px=(520, 520),
        num_classes=21,
    ),
    "unet": ModelFacts(
        builder=UNet,
        task="image-segmentation",
        paper="Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation, "
        "MICCAI 2015",
        year=2015,
        input_px=(572, 572),
        in_channels=1,
        num_classes=2,
    ),
    "unet_xception": ModelFacts(
        builder=UNetXception,
        task="image-segmentation",
        paper="No paper; Keras's example Image segmentation with a U-Net-like architecture, by Chollet",
        year=2019,
        input_px=(160, 160),
        num_classes=3,
    ),
}
