"""The model card: what the shipped weights are, what they are for, and how good a back-test found their kind to be.

Every figure is read from the manifest or from the back-test's JSON; none is written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from training.models import MEAN_OF_SEEDS, NETWORK
from training.serving import SERVING, STACKS
from training.shift import Counts
from training.weights import Manifest

TASK_WORDS = {
    "T2": "a violation opens on it or next to it within seven days",
    "T3": "a violation opens in its stack within seven days",
    "T4": "it is changed within seven days",
    "T5": "which others within three hops change within seven days, given that one changes",
}
ANSWERED = ("T2", "T3", "T4")
"""What weights tell of each resource."""
COCHANGE = "T5"
SHOWN = (NETWORK.name, MEAN_OF_SEEDS, "logistic", "boosting", "boosting of stacks", *STACKS, SERVING)
HELD_OUT = ("network", "co-change share")
COLUMNS = ("auroc", "auroc_weekly", "ap", "recall_at_fpr5", "brier_skill", "ece")


def card_of(manifest: Manifest, report: Mapping[str, Any] | None, *, size_bytes: int, reference: Counts | None) -> str:
    """The card as Markdown.

    Args:
        reference: how features were distributed in what was learned from, where the weights say.
    """
    known = [*_head(manifest, size_bytes), *_pairs(manifest), *_made_of(manifest, reference)]
    return "\n".join([*known, *_judged(report), *_limits(report)]) + "\n"


def _head(manifest: Manifest, size_bytes: int) -> Iterator[str]:
    yield f"# Model card: {manifest.name}"
    yield ""
    yield (
        "Written by `python -m training train`, or by `pairs` or `renew`, which make parts of the weights anew. "
        "Tasks, and how they are judged: [prediction](prediction.md)."
    )
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield f"| Weights | SHA-256 `{manifest.sha256}`, {size_bytes:,} bytes, schema `{manifest.schema}` |"
    yield f"| Learned from | data `{manifest.data[:16]}…`, weeks {manifest.learned_from} to {manifest.learned_until} |"
    yield f"| Code, features | `{manifest.code[:16]}…`, `{manifest.features[:16]}…` |"
    yield f"| Seeds | {', '.join(map(str, manifest.seeds))} |"
    yield (
        "| Members | a relation-aware graph network; a logistic regression stands in where it does not answer; both "
        "are calibrated on the last eight weeks, which neither learned from |"
    )
    yield ""
    yield "What it answers, for every resource: " + "; ".join(f"{t}: {TASK_WORDS[t]}" for t in ANSWERED) + "."


def _pairs(manifest: Manifest) -> Iterator[str]:
    """What is known of the head for pairs, where there is one."""
    if not manifest.pairs_code:
        return
    yield (
        f"A head of its own answers {COCHANGE}, for pairs: {TASK_WORDS[COCHANGE]}. It learned from the weeks that the "
        f"network learned from, which stayed as it is (code `{manifest.pairs_code[:16]}…`), and is calibrated on the "
        "same last eight weeks; the share of changes in which both changed stands in, calibrated likewise."
    )
    told = manifest.metrics.get(COCHANGE)
    held_out = told.get("held_out") if isinstance(told, Mapping) else None
    if isinstance(held_out, Mapping) and "base_rate" in held_out:
        yield ""
        yield (
            f"These weights' own head on those {held_out['weeks']} weeks, which it did not learn from "
            f"({held_out['rows']:,} pairs, base rate {100 * _number(held_out['base_rate']):.1f} %): "
            + "; ".join(_held_out(name, held_out[name]) for name in HELD_OUT)
            + "."
        )


def _made_of(manifest: Manifest, reference: Counts | None) -> Iterator[str]:
    """What else the weights hold, and what of it was made after the fit."""
    told = []
    if reference is not None:
        told.append(
            f"They hold how each feature was distributed in the {int(reference[0].sum()):,} rows of the weeks that the "
            "network learned from; a tenant's features are compared with that."
        )
    if manifest.renewed_code:
        told.append(
            "Parts that need no fit were made anew since by `python -m training renew`, from the same data and weeks "
            f"(code `{manifest.renewed_code[:16]}…`)."
        )
    if told:
        yield ""
        yield " ".join(told)


def _held_out(name: str, found: Any) -> str:
    return f"{name} AUROC {_cell(found['auroc'])}, average precision {_cell(found['ap'])}"


def _number(value: Any) -> float:
    return float(value)


def _judged(report: Mapping[str, Any] | None) -> Iterator[str]:
    yield ""
    yield "## How good models of this kind were found to be"
    yield ""
    if report is None:
        yield "No back-test was given."
        return
    yield (
        f"Back-test of weekly origins {report['from']} to {report['to']} on data `{report['data_digest'][:16]}…`: "
        f"fitted anew every {report['refit_weeks']} weeks on every {report['train_every_weeks']}-th week since "
        f"{report['train_from']}, {report['purge_days']} days apart from what is judged; seeds "
        f"{', '.join(map(str, report['seeds']))}; `network` is that of seed {report['seeds'][0]}, one network as it is "
        "served. In brackets 95 % intervals over weeks."
    )
    for task, part in report["tasks"].items():
        yield from _task(task, part)


def _task(task: str, part: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield (f"### {task}: {TASK_WORDS.get(task, task)}")
    yield ""
    yield f"Base rate {100 * part['base_rate']:.3f} %, {part['rows']:,} rows, {part['weeks']} weeks."
    yield ""
    yield "| Model | " + " | ".join(COLUMNS) + " |"
    yield "|---|" + "---|" * len(COLUMNS)
    for name in (one for one in SHOWN if one in part["models"]):
        yield f"| {name} | " + " | ".join(_cell(part["models"][name].get(column)) for column in COLUMNS) + " |"
    yield ""
    yield from _spread(part)
    yield from _differences(part)
    yield _by_cloud(part)


def _spread(part: Mapping[str, Any]) -> Iterator[str]:
    for of, found in part.get("spread", {}).items():
        told = (f"{column} {_range(found[column])}" for column in COLUMNS)
        yield f"{of} over seeds {', '.join(map(str, found['seeds']))}, mean (least to most): " + ", ".join(told) + "."
        yield ""


def _differences(part: Mapping[str, Any]) -> Iterator[str]:
    trees = "boosting of stacks" if "boosting of stacks" in part["models"] else "boosting"
    for of in (one for one in SHOWN[:1] if one in part.get("differences_of", {})):
        told = [
            f"{one['metric']} {_signed(one)}"
            for one in part["differences_of"][of]
            if one["against"] == trees and one["metric"] in COLUMNS
        ]
        yield f"{of} above {trees}: " + ", ".join(told) + "."
        yield ""


def _by_cloud(part: Mapping[str, Any]) -> str:
    cells = []
    for cloud, found in part["by_cloud"].items():
        models = found["models"]
        told = models if isinstance(models, str) else _cell(models.get(SHOWN[0], {}).get("auroc"))
        cells.append(f"{cloud} {told} ({found['positives']} of {found['rows']:,})")
    return f"AUROC of {SHOWN[0]} by cloud: " + "; ".join(cells) + "."


def _limits(report: Mapping[str, Any] | None) -> Iterator[str]:
    yield ""
    yield "## What it is not"
    yield ""
    yield "- It learned from changes of declared infrastructure in public repositories, a stand-in for live changes."
    yield "- A tenant without finished weeks of its own is answered by this global model, and told so."
    yield "- Dates decide exactly and are computed, not learned; this model says nothing about them."
    if report is not None:
        most = max(part["base_rate"] for part in report["tasks"].values())
        yield f"- Accuracy is not stated: always answering no is right at least {100 * (1 - most):.1f} % of the time."
        clouds = ((task, cloud) for task, part in report["tasks"].items() for cloud in part["by_cloud"].values())
        few = sorted({task for task, cloud in clouds if isinstance(cloud["models"], str)})
        if few:
            yield f"- On some clouds too few came true to say anything: {', '.join(few)}."


def _cell(one: Mapping[str, float | None] | None) -> str:
    if not one or one["value"] is None:
        return "insufficient"
    if one["low"] is None or one["high"] is None:
        return f"{one['value']:.4f}"
    return f"{one['value']:.4f} [{one['low']:.4f}, {one['high']:.4f}]"


def _range(one: Mapping[str, float | None]) -> str:
    if one["mean"] is None:
        return "insufficient"
    return f"{one['mean']:.4f} ({one['min']:.4f} to {one['max']:.4f})"


def _signed(one: Mapping[str, Any]) -> str:
    if one["value"] is None:
        return "insufficient"
    return f"{one['value']:+.4f} [{one['low']:+.4f}, {one['high']:+.4f}]"
