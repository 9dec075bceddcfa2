"""What an engineer writes by hand instead of Convoy: FastAPI, onnxruntime and Pillow, with the same answer.

Written to be fast, not to be beaten: raw body, work in a thread, uvloop and httptools, onnxruntime without spinning,
no metrics, no limits, no queue, no EXIF and no transparency. `python -m uvicorn benchmarks.fastapi_peer:app`.
"""

import io
import os
from typing import Any

import numpy as np
import onnxruntime as ort
from fastapi import FastAPI, HTTPException, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from PIL import Image, UnidentifiedImageError

MODEL = os.environ.get("PEER_MODEL", "model_repository/lenet5/1/model.onnx")
INNER_PX, OUTER_PX = 28, 32

app = FastAPI()


def _open() -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])


session = _open()
labels = [str(digit) for digit in range(10)]


def predict(data: bytes) -> dict[str, Any]:
    """Top five classes of a picture."""
    try:
        picture = Image.open(io.BytesIO(data)).convert("L")
    except (UnidentifiedImageError, OSError) as error:
        raise HTTPException(400, "not an image") from error
    inner, outer = INNER_PX, OUTER_PX
    pixels = np.zeros((1, outer, outer, 1), np.uint8)
    edge = (outer - inner) // 2
    if picture.size != (inner, inner):
        picture = picture.resize((inner, inner), Image.Resampling.BILINEAR)
    pixels[0, edge : edge + inner, edge : edge + inner, 0] = np.asarray(picture)
    logits = session.run(["logits"], {"image": pixels, "target": np.array([-1], np.int64)})[0][0]
    scores = np.exp(logits - logits.max())
    scores /= scores.sum()
    best = np.argsort(-scores)[:5]
    return {
        "model": "lenet5",
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
