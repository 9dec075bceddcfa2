"""The report on overload: a table, and what is not as it should be."""

import math
from collections.abc import Sequence

from loadtest.measuring.overload import AROUND, Overload, Overloaded
from loadtest.results.run_report import INVALID, MET, MISSED, endpoint_table
from loadtest.results.tables import markdown, number

JUDGED_MULTIPLE = 5.0
"""Up to this multiple of the knee the service has to hold what follows; beyond, it is reported what it does."""
_BEST_SHARE = 0.9
_IN_TIME_SHARE = 0.999
# Requests that wait hold their pictures; those that have gone must not.
_MEMORY_OVER, _MEMORY_AFTER = 1.2, 1.1
# "At once" is what nobody notices, and "within seconds" a number of them with one digit.
_REFUSED_MS, _BACK_S = 100.0, 9.0

_HEADER = (
    "", "times the knee", "offered/s", "goodput/s", "of the best", "p99 ms", "longest ms", "within the deadline",
    "refused", "refused in ms, p50 / p99", "wrong", "504", "error", "broken", "back after",
    "MiB before / most / after", "unsent", "sent on time", "generator CPU", "",
)  # fmt: skip


def overload_text(results: Sequence[Overloaded]) -> str:
    """Tables in Markdown: the stages around the knee, the overloads, and by endpoint; then what was missed."""
    around = [
        (
            result.name,
            f"{multiple:g}",
            number(each.offered, ".1f"),
            number(each.goodput, ".1f"),
            "; ".join(each.problems),
        )
        for result in results
        for multiple, each in zip(AROUND, result.around, strict=True)
    ]
    lines = [markdown(("", "times the knee", "offered/s", "goodput/s", ""), around), ""]
    lines += [markdown(_HEADER, [_row(result, each) for result in results for each in result.overloads])]
    lines += endpoint_table(
        [(f"{result.name}, {each.multiple:g} times", each.over) for result in results for each in result.overloads]
    )
    # The other service is asked for multiples of a knee that is not its own.
    never = [sentence for result in results[:1] if (sentence := never_overloaded(result))]
    if sentences := [*never, *(sentence for result in results for sentence in faults(result))]:
        lines += ["", *(f"- {sentence}" for sentence in sentences)]
    return "\n".join(lines) + "\n"


def faults(result: Overloaded) -> list[str]:
    """What a service does not do that it should at up to JUDGED_MULTIPLE times the knee, in sentences."""
    sentences = []
    for each in _judged(result):
        begin = f"{result.name} at {each.multiple:g} times the knee:"
        # Where less was offered than the best, that is all there was to answer.
        best = min(result.best_goodput, each.over.offered)
        share = each.over.goodput / best if best else math.nan
        in_time = each.over.answers.in_time_share
        refused_ms = each.over.answers.refused_p99_ms
        before, most, after = each.memory_mib
        if not share >= _BEST_SHARE:
            sentences.append(f"{begin} {number(share, '.0%')} of its best goodput, below {_BEST_SHARE:.0%}.")
        if not in_time >= _IN_TIME_SHARE:
            sentences.append(f"{begin} {number(in_time, '.2%')} of what it took on was answered within the deadline.")
        if refused_ms > _REFUSED_MS:
            sentences.append(f"{begin} refusals took {refused_ms:.0f} ms (p99), more than {_REFUSED_MS:.0f}.")
        if each.recovery_s is not None and each.recovery_s > _BACK_S:
            sentences.append(
                f"{begin} the objectives held again after {each.recovery_s:.0f} s, and not within {_BACK_S:.0f}."
            )
        if each.recovery_s is None:
            sentences.append(f"{begin} the objectives did not hold again.")
        if most > _MEMORY_OVER * before or after > _MEMORY_AFTER * before:
            shown = f"{before:.0f} MiB before, {most:.0f} at most, {after:.0f} after"
            sentences.append(f"{begin} memory is not flat: {shown}.")
    return sentences


def overload_code(result: Overloaded) -> int:
    """The exit code for a service: INVALID where nothing is proved about it, MISSED where it has faults, or MET."""
    if not rates_kept(result) or never_overloaded(result):
        return INVALID
    return MISSED if faults(result) else MET


def rates_kept(result: Overloaded) -> bool:
    """Whether every stage that is judged had the rate that it should have had."""
    return not (any(each.problems for each in result.around) or any(each.problems for each in _judged(result)))


def never_overloaded(result: Overloaded) -> str | None:
    """A sentence where the service answered even the highest multiple that is judged; None where it did not."""
    highest = max(_judged(result), key=lambda each: each.multiple, default=None)
    if highest is None or highest.overloaded:
        return None
    return (
        f"{result.name} answered {highest.multiple:g} times what was given as its knee: it was never overloaded, and "
        "the knee has to be looked for again."
    )


def _judged(result: Overloaded) -> list[Overload]:
    return [each for each in result.overloads if each.multiple <= JUDGED_MULTIPLE]


def _row(result: Overloaded, each: Overload) -> list[str]:
    over, answers = each.over, each.over.answers
    refused = answers.counts["refused"]
    return [
        result.name,
        f"{each.multiple:g}",
        number(over.offered, ".1f"),
        number(over.goodput, ".1f"),
        number(over.goodput / result.best_goodput, ".0%") if result.best_goodput else "-",
        number(answers.p99_ms, ".0f"),
        number(answers.longest_ms, ".0f"),
        number(answers.in_time_share, ".1%"),
        number(answers.share("refused"), ".1%"),
        f"{answers.refused_p50_ms:.1f} / {answers.refused_p99_ms:.1f}" if refused else "-",
        *(str(answers.counts[name]) for name in ("wrong", "late", "error", "broken")),
        "not back" if each.recovery_s is None else f"{each.recovery_s:.0f} s",
        " / ".join(f"{mib:.0f}" for mib in each.memory_mib),
        str(answers.counts["unsent"]),
        number(over.on_time_share, ".1%"),
        number(each.generator_cpu_share, ".0%"),
        "invalid: " + "; ".join(each.problems) if each.problems else "",
    ]
