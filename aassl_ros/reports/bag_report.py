"""The report of a bag: pictures of its episodes, the answers of an evaluator, and its quality."""

from __future__ import annotations

from pathlib import Path

from aassl_ros.data.quality.check import measure_bag
from aassl_ros.data.quality.thresholds import Thresholds
from aassl_ros.errors import BagError
from aassl_ros.report import plots
from aassl_ros.report.page import Page
from aassl_ros.report.quality_page import add_measures, add_summary, quality_page
from aassl_ros.report.reliability import add_reliability
from aassl_ros.reports.bag_answers import BagAnswers, bag_answers
from aassl_ros.reports.bag_pictures import Strip, bag_pictures


def write_bag_report(bag: Path, out: Path) -> None:
    """Write the page.

    Args:
        bag: a bag in any container. Of a damaged one, what can be read is shown.
        out: the HTML file.

    Raises:
        BagError: there is no bag that can be opened.
        OSError: the page cannot be written.
    """
    report = measure_bag(bag, Thresholds())
    page = quality_page([report])
    add_summary(page, report)
    page.heading("Episodes")
    try:
        _add_pictures(page, bag)
    except BagError as error:
        page.text(f"There are no pictures: {error}")
    for answers in bag_answers(bag):
        _add_answers(page, answers)
    add_measures(page, report)
    page.write(out)


def _add_pictures(page: Page, bag: Path) -> None:
    found = bag_pictures(bag)
    page.text("Frames of each episode, evenly spread, with the time since the start of the bag.")
    if found.left_out:
        page.text(f"{found.left_out} more have no pictures here, to keep this page small.")
    if found.damage:
        page.text(f"The bag is damaged, so that frames may be missing: {found.damage}")
    if not found.strips:
        page.text("There is no frame.")
    for strip in found.strips:
        page.text(f"{strip.title}: {strip.frames} frames")
        page.strip(strip.pictures, _captions(strip, found.start_ns))
    rows = [
        (strip.title, stamp, f"{(stamp - found.start_ns) / 1e9:.3f}", "damaged" if picture is None else "shown")
        for strip in found.strips
        for stamp, picture in zip(strip.stamps_ns, strip.pictures, strict=True)
    ]
    page.data("frames shown", ["episode", "stamp (ns)", "time (s)", "picture"], rows)


def _add_answers(page: Page, answers: BagAnswers) -> None:
    page.heading(f"Answers on {answers.topic}")
    count = len(answers.named)
    page.text(f"{answers.received} answers, {count} of them for frames of episodes with a category.")
    if not count:
        return
    page.figures(
        [
            (f"{100 * answers.right.mean():.1f} %", "correct"),
            (f"{100 * answers.unknown.mean():.1f} %", "called unknown"),
            (f"{100 * answers.reliability().ece:.1f} %", "calibration error of the others"),
        ]
    )
    times_s = (answers.stamps_ns - answers.stamps_ns.min()) / 1e9
    categories = sorted({*answers.named, *answers.truth})
    page.picture(plots.answers_over_time(times_s, answers.named, answers.truth, categories), "answers over time")
    sure = answers.confidence.round(4).tolist()
    rows = list(zip(answers.stamps_ns.tolist(), answers.truth, answers.named, sure, strict=True))
    page.data("answers", ["stamp (ns)", "true", "answer", "confidence of the best category"], rows)
    add_reliability(page, {"": answers.reliability()}, "reliability of answers")


def _captions(strip: Strip, start_ns: int) -> list[str]:
    pairs = zip(strip.stamps_ns, strip.pictures, strict=True)
    return [f"{(stamp - start_ns) / 1e9:.2f} s{'' if picture else ' (damaged)'}" for stamp, picture in pairs]
