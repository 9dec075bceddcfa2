"""Scenes composed from real Fashion-MNIST items, the class of every pixel known, the same ones on every machine."""

from export.data.scenes.fashion_scenes import NAME, Scenes, open_scenes
from export.data.scenes.rules import SCENE_LABELS, SceneRules
from export.data.scenes.scene import Scene, SceneItem

__all__ = ["NAME", "SCENE_LABELS", "Scene", "SceneItem", "SceneRules", "Scenes", "open_scenes"]
