"""Which models are loaded, on what they run, and the baselines that live traffic is compared with."""

import itertools

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.utils import floatToGoString

from service.http.metrics.inference import InferenceMetrics
from service.inference.model import LoadedModel
from service.repository.artifact import CONFIDENCE_EDGES
from service.repository.catalog import Catalog


class ModelMetrics:
    """Follows the catalog; a version that is gone goes to 0, since several processes share the series."""

    def __init__(self, registry: CollectorRegistry, inference: InferenceMetrics) -> None:
        self._inference = inference
        at = ["model", "version"]

        def gauge(name: str, text: str, labels: list[str]) -> Gauge:
            return Gauge(name, text, labels, multiprocess_mode="livemax", registry=registry)

        self._loaded = gauge("convoy_model_loaded", "1 where the version can answer, 0 where it cannot.", at)
        self._failed_now = gauge(
            "convoy_model_failed", "1 where the published version could not be loaded, 0 otherwise.", at
        )
        self._load_duration = gauge("convoy_model_load_duration_seconds", "Time to load and warm up.", at)
        self._last_load = gauge("convoy_model_last_load_timestamp_seconds", "When the version was loaded.", at)
        self._info = gauge(
            "convoy_model_info",
            "1 for a loaded version, with what it runs on.",
            [*at, "sha256", "opset", "provider", "precision"],
        )
        self._class_share = gauge(
            "convoy_baseline_class_share",
            "Share of top-1 answers, or of pixels, per class on the validation data.",
            [*at, "class"],
        )
        self._confidence_share = gauge(
            "convoy_baseline_confidence_share",
            "Share of top-1 scores up to the edge `bucket` on the validation data.",
            [*at, "bucket"],
        )
        self._failures = Counter(
            "convoy_model_load_failures_total", "Versions that failed to load.", ["model"], registry=registry
        )
        self._loaded_models: dict[tuple[str, int], LoadedModel] = {}
        self._seen: set[tuple[str, int]] = set()
        self._failed: set[object] = set()

    def follow(self, catalog: Catalog[LoadedModel]) -> None:
        """Bring the series in line with a new catalog."""
        now = {key: entry.model for key, entry in catalog.entries.items() if entry.model is not None}
        for key, model in self._loaded_models.items():
            if now.get(key) is not model:
                self._mark(model, 0)
        for key, model in now.items():
            if self._loaded_models.get(key) is not model:
                self._mark(model, 1)
                self._describe(model)
        # A version that was taken away has not failed any more.
        self._seen.update(catalog.entries)
        for key in self._seen:
            known = catalog.entries.get(key)
            self._failed_now.labels(key[0], str(key[1])).set(known is not None and known.state == "failed")
        for entry in catalog.entries.values():
            self._failures.labels(entry.published.name)
            if entry.state == "failed":
                if entry.model is None:
                    self._loaded.labels(entry.published.name, str(entry.published.version)).set(0)
                if entry.published not in self._failed:
                    self._failed.add(entry.published)
                    self._failures.labels(entry.published.name).inc()
        self._loaded_models = now

    def _mark(self, model: LoadedModel, value: int) -> None:
        at = model.name, str(model.version)
        self._loaded.labels(*at).set(value)
        opset = model.metadata.versions.get("opset", "")
        self._info.labels(*at, model.digest, opset, model.provider, model.metadata.precision).set(value)

    def _describe(self, model: LoadedModel) -> None:
        at = model.name, str(model.version)
        self._load_duration.labels(*at).set(model.load_duration_s)
        self._last_load.labels(*at).set_to_current_time()
        self._inference.prepare(model)
        baseline = model.metadata.baseline
        if baseline is None:
            return
        labels = self._inference.class_labels(model)
        own = len(labels) if len(labels) == len(baseline.class_shares) else len(labels) - 1
        shares = [*baseline.class_shares[:own], *([sum(baseline.class_shares[own:])] if own < len(labels) else [])]
        for label, share in zip(labels, shares, strict=True):
            self._class_share.labels(*at, label).set(share)
        if baseline.confidence_shares is None:
            return
        for edge, share in zip(CONFIDENCE_EDGES, itertools.accumulate(baseline.confidence_shares), strict=True):
            self._confidence_share.labels(*at, floatToGoString(edge)).set(share)
