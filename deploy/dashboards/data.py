"""Data: whether what the models see and answer is still what it was on their validation data."""

from grafana_foundation_sdk.builders.barchart import Panel as Bars
from grafana_foundation_sdk.builders.bargauge import Panel as Gauges
from grafana_foundation_sdk.builders.heatmap import Panel as Heatmap
from grafana_foundation_sdk.builders.timeseries import Panel as Lines

from deploy.dashboards.colours import BLUE, COMPARED, GREEN, ORANGE, PURPLE, QUANTILES, RED, YELLOW
from deploy.dashboards.page import Page, Row
from deploy.dashboards.panels import Facts, Query, heatmap, lines
from deploy.dashboards.queries import ASKED, MODEL, RECORDED_MODEL, buckets, mean, per_second, quantile
from deploy.dashboards.tables import bars, gauges

# The distance from which the alerts about drift speak, and half of it.
_DRIFT = ((None, GREEN), (0.1, YELLOW), (0.2, RED))
_NAME = "{{model}} {{version}}"
_CLASS_MIX = f"job_model_version:convoy_class_mix:distance6h{{{RECORDED_MODEL}}}"
_CONFIDENCE = f"job_model_version:convoy_prediction_confidence:distance6h{{{RECORDED_MODEL}}}"
_SHARE = f"job_model_version_class:convoy_answers:share6h{{{RECORDED_MODEL}}}"
_BASELINE = f"job_model_version_class:convoy_baseline_class_share:max{{{RECORDED_MODEL}}}"
_SIX_HOURS = "over the last six hours, over all replicas"


def page() -> Page:
    """The dashboard."""
    return Page(
        "convoy-data",
        "Convoy data",
        "Whether what the models see and answer is still what it was on their validation data.",
        [
            Row("Has the data changed?", [_drift_now(), _confidence_now(), _behind(), _drift(), _confidence_drift()]),
            Row(
                "What $model answers",
                [_classes(), _confidences(), _moved(), _answers(), _scores()],
                repeat="model",
            ),
            Row("Segmenters", [_pixel_shares(), _pixels()]),
            Row(
                "Pictures that come",
                [_pictures(), _picture_quantiles(), _body_sizes(), _body_quantiles(), _mean_sizes(), _bytes()],
            ),
        ],
    )


def _drift_now() -> Gauges:
    facts = Facts(
        "Class mix against the baseline",
        f"Share of answers {_SIX_HOURS} that would have to be of another class for the mix to be that of the "
        "validation data, of segmenters the share of pixels: job_model_version:convoy_class_mix:distance6h.",
        "percentunit",
        most=1,
    )
    return gauges(facts, Query(_CLASS_MIX, _NAME), steps=_DRIFT)


def _confidence_now() -> Gauges:
    facts = Facts(
        "Confidence against the baseline",
        f"Largest difference of the cumulative histograms of scores, {_SIX_HOURS}: "
        "job_model_version:convoy_prediction_confidence:distance6h. Segmenters have none.",
        "percentunit",
        most=1,
    )
    return gauges(facts, Query(_CONFIDENCE, _NAME), steps=_DRIFT)


def _behind() -> Gauges:
    facts = Facts(
        "Pictures behind these figures",
        f"Pictures answered for {_SIX_HOURS}: job_model_version:convoy_inference_images:increase6h. A few are far "
        "from any baseline by chance, so the alerts wait for 500 and for 50 per class.",
        "short",
    )
    behind = f"job_model_version:convoy_inference_images:increase6h{{{RECORDED_MODEL}}}"
    return gauges(facts, Query(behind, _NAME), steps=((None, YELLOW), (500, GREEN)))


def _drift() -> Lines:
    facts = Facts(
        "Distance of the class mix",
        "job_model_version:convoy_class_mix:distance6h over time; the upper dashed line is what the alert waits for.",
        "percentunit",
        width=12,
        most=1,
    )
    return lines(facts, Query(_CLASS_MIX, _NAME), steps=_DRIFT)


def _confidence_drift() -> Lines:
    facts = Facts(
        "Distance of the confidence",
        "job_model_version:convoy_prediction_confidence:distance6h over time; the upper dashed line is what the alert "
        "waits for.",
        "percentunit",
        width=12,
        most=1,
    )
    return lines(facts, Query(_CONFIDENCE, _NAME), steps=_DRIFT)


def _classes() -> Bars:
    facts = Facts(
        "Classes",
        f"Share of answers per class {_SIX_HOURS}, of segmenters of pixels, "
        "job_model_version_class:convoy_answers:share6h, beside that on the validation data, "
        "convoy_baseline_class_share. A name ends with the version.",
        "percentunit",
        width=12,
    )
    series = {
        "now": Query(_by_version(_SHARE, "answer", "class")),
        "baseline": Query(_by_version(_BASELINE, "answer", "class")),
    }
    return bars(facts, series, "answer", colours=COMPARED)


def _confidences() -> Bars:
    facts = Facts(
        "Confidence",
        f"Share of top-1 scores up to an edge {_SIX_HOURS}, job_model_version_le:convoy_prediction_confidence:share6h, "
        "beside that on the validation data, convoy_baseline_confidence_share. Cumulative, so that the last is all of "
        "them. A name ends with the version. Segmenters have none.",
        "percentunit",
        width=12,
        most=1,
    )
    now = f"job_model_version_le:convoy_prediction_confidence:share6h{{{RECORDED_MODEL}}}"
    baseline = f"job_model_version_le:convoy_baseline_confidence_share:max{{{RECORDED_MODEL}}}"
    series = {
        "now": Query(_by_version(now, "score", "le")),
        "baseline": Query(_by_version(baseline, "score", "le")),
    }
    return bars(facts, series, "score", colours=COMPARED)


def _by_version(series: str, heading: str, label: str) -> str:
    """Values by a label and the version in one word; without all other labels, or Grafana would find no two rows of
    different queries alike.
    """
    return f'max by ({heading}) (label_join({series}, "{heading}", " v", "{label}", "version"))'


def _moved() -> Gauges:
    facts = Facts(
        "Classes that moved most",
        "Ten classes whose job_model_version_class:convoy_answers:share6h is furthest from its baseline; above 0 there "
        "are more of them than on the validation data.",
        "percentunit",
        least=None,
    )
    difference = f"{_SHARE} - on (job, model, version, class) {_BASELINE}"
    moved = f"({difference}) and topk(10, abs({difference}))"
    steps = ((None, BLUE), (0, ORANGE))
    return gauges(facts, Query(moved, "{{class}} v{{version}}"), steps=steps)


def _answers() -> Lines:
    facts = Facts(
        "Classes over time",
        "Share of answers per class, convoy_predictions_total; of segmenters of pixels, convoy_mask_pixels_total.",
        "percentunit",
        most=1,
    )
    answers = " or ".join(
        per_second(counter, MODEL, ["class"]) for counter in ("convoy_predictions_total", "convoy_mask_pixels_total")
    )
    return lines(
        facts, Query(f"({answers}) / ignoring (class) group_left () sum ({answers})", "{{class}}"), stacked=True
    )


def _scores() -> Heatmap:
    facts = Facts(
        "Confidence over time",
        "Answers by the score of their class and when, from the buckets of convoy_prediction_confidence.",
        "short",
    )
    return heatmap(facts, Query(buckets("convoy_prediction_confidence", MODEL), "{{le}}"))


def _pixel_shares() -> Lines:
    facts = Facts(
        "Pixels by class",
        "Share of each segmenter's pixels per class, from convoy_mask_pixels_total.",
        "percentunit",
        width=12,
        most=1,
    )
    pixels = "convoy_mask_pixels_total"
    share = (
        f"{per_second(pixels, MODEL, ['model', 'class'])} / on (model) group_left () "
        f"{per_second(pixels, MODEL, ['model'])}"
    )
    return lines(facts, Query(share, "{{model}} {{class}}"))


def _pixels() -> Lines:
    facts = Facts("Pixels", "Pixels of masks per second: convoy_mask_pixels_total.", "suffix: pixels/s", width=12)
    return lines(facts, Query(per_second("convoy_mask_pixels_total", MODEL, ["model", "version"]), _NAME))


def _pictures() -> Heatmap:
    facts = Facts(
        "Size of pictures over time",
        "Pictures by their number of pixels and when, from the buckets of convoy_image_pixels.",
        "suffix: pixels",
        width=12,
    )
    return heatmap(facts, Query(buckets("convoy_image_pixels", MODEL), "{{le}}"))


def _picture_quantiles() -> Lines:
    facts = Facts(
        "Size of pictures",
        "Quantiles of convoy_image_pixels, within buckets a factor of three apart.",
        "suffix: pixels",
        width=12,
        least=None,
    )
    return lines(facts, *_quantiles("convoy_image_pixels", MODEL), colours=QUANTILES, logarithmic=True)


def _body_sizes() -> Heatmap:
    facts = Facts(
        "Size of bodies over time",
        "Requests by the size of their body and when, from the buckets of http_server_request_body_size_bytes.",
        "bytes",
        width=6,
    )
    return heatmap(facts, Query(buckets("http_server_request_body_size_bytes", ASKED), "{{le}}"))


def _body_quantiles() -> Lines:
    facts = Facts(
        "Size of bodies",
        "Quantiles of http_server_request_body_size_bytes, within buckets a factor of ten apart.",
        "bytes",
        width=6,
        least=None,
    )
    queries = _quantiles("http_server_request_body_size_bytes", ASKED)
    return lines(facts, *queries, colours=QUANTILES, logarithmic=True)


def _quantiles(histogram: str, where: str) -> list[Query]:
    shares = zip((0.5, 0.95, 0.99), QUANTILES, strict=True)
    return [Query(quantile(share, histogram, where), name) for share, name in shares]


def _mean_sizes() -> Lines:
    facts = Facts(
        "Mean size of bodies",
        "Mean of http_server_request_body_size_bytes and of http_server_response_body_size_bytes.",
        "bytes",
        width=6,
    )
    return lines(
        facts,
        Query(mean("http_server_request_body_size_bytes", ASKED), "received"),
        Query(mean("http_server_response_body_size_bytes", ASKED), "sent"),
        colours={"received": BLUE, "sent": PURPLE},
    )


def _bytes() -> Lines:
    facts = Facts(
        "Bytes per second",
        "Bodies received and sent: the sums of http_server_request_body_size_bytes and "
        "http_server_response_body_size_bytes.",
        "Bps",
        width=6,
    )
    return lines(
        facts,
        Query(per_second("http_server_request_body_size_bytes_sum", ASKED), "received"),
        Query(per_second("http_server_response_body_size_bytes_sum", ASKED), "sent"),
        colours={"received": BLUE, "sent": PURPLE},
    )
