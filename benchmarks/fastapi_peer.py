"""What an engineer writes by hand instead of Convoy: FastAPI, onnxruntime and Pillow, with the same answer.

Written to be fast, not to be beaten: raw body, work in a thread, uvloop and httptools, onnxruntime without spinning,
no metrics, no limits, no queue, no EXIF and no transparency. `python -m uvicorn benchmarks.fastapi_peer:app`.
"""

import io
import json
import os
from typing import Any

import numpy as np
import onnxruntime as ort
from fastapi import FastAPI, HTTPException, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from PIL import Image, ImageOps, UnidentifiedImageError

MODEL = os.environ.get("PEER_MODEL", "model_repository/lenet5/1/model.onnx")

app = FastAPI()


def _open() -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])


session = _open()
facts = session.get_modelmeta().custom_metadata_map
labels = json.loads(facts["convoy.labels"])
spec = json.loads(facts["convoy.preprocessing"])
name = json.loads(facts["convoy.architecture"])
size = spec["width"], spec["height"]
mode = "L" if spec["colour"] == "gray" else "RGB"


def prepare(picture: Image.Image) -> np.ndarray:
    """The input of the network, uint8 (1, H, W, C)."""
    if spec["resize"] == "stretch":
        if picture.size != size:
            picture = picture.resize(size, Image.Resampling.BILINEAR)
    elif spec["resize"] == "pad":
        inner = spec["shortest_edge"]
        if picture.size != (inner, inner):
            picture = ImageOps.contain(picture, (inner, inner), Image.Resampling.BILINEAR)
        canvas = Image.new(mode, size)
        canvas.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
        picture = canvas
    else:
        edge = spec["shortest_edge"]
        factor = edge / min(picture.size)
        picture = picture.resize(
            (max(edge, round(picture.width * factor)), max(edge, round(picture.height * factor))),
            Image.Resampling.BILINEAR,
        )
        left, top = (picture.width - size[0]) // 2, (picture.height - size[1]) // 2
        picture = picture.crop((left, top, left + size[0], top + size[1]))
    return np.asarray(picture).reshape(1, size[1], size[0], -1)


def predict(data: bytes) -> dict[str, Any]:
    """Top five classes of a picture."""
    try:
        picture = Image.open(io.BytesIO(data)).convert(mode)
    except (UnidentifiedImageError, OSError) as error:
        raise HTTPException(400, "not an image") from error
    pixels = prepare(picture)
    logits = session.run(["logits"], {"image": pixels, "target": np.array([-1], np.int64)})[0][0]
    scores = np.exp(logits - logits.max())
    scores /= scores.sum()
    best = np.argsort(-scores)[:5]
    return {
        "model": name,
        "version": 1,
        "predictions": [{"index": int(i), "label": labels[i], "score": round(float(scores[i]), 6)} for i in best],
    }


@app.post("/raw")
async def raw(request: Request) -> dict[str, Any]:
    """The picture as the body."""
    return await run_in_threadpool(predict, await request.body())


@app.post("/form")
def form(image: UploadFile) -> dict[str, Any]:
    """The picture as a form's file, as FastAPI's own tutorial does it."""
    return predict(image.file.read())
