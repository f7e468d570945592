"""Leakage: what the data say, never what the curves do."""

from __future__ import annotations

from trainer.datasets.audit import Finding
from trainer.datasets.spec import DatasetSpec
from trainer.diagnosis.evidence import Evidence
from trainer.diagnosis.verdict import Verdict

_MIN_SHARE = 0.01
_RULE = (
    "A single column of an upload, or of data with a leak built in, orders the classes with an "
    "area under the ROC curve of 0.95 or more (0.05 or less); or more than "
    f"{_MIN_SHARE:.0%} of the validation rows stand among the training rows too."
)


def leakage(evidence: Evidence) -> Verdict | None:
    """Return the verdict that the answer may be in the data; None if nothing says so.

    Single columns of the sets that come with the program are measurements that may well be as good
    as that. Where rows are of a few kinds only, validation rows must have twins.
    """
    config = evidence.config
    if config is None:
        return None
    spec, has_leak = config.spec, config.leak != "none"
    told = [_sentence(one, spec, has_leak=has_leak) for one in evidence.leaks]
    found = [sentence for sentence in told if sentence]
    if not found:
        return None
    return Verdict(
        name="leakage",
        sentence=f"The answer may be in the data: {found[0]}",
        rule=_RULE,
        next_step=(
            "Train without the leak."
            if has_leak
            else "Look at the data page, and leave out what will not be known in time."
        ),
        choices={"leak": "none"} if has_leak else {},
        epochs=(evidence.num_epochs - 1,),
        series="val_accuracy" if spec.num_classes else "val_loss",
    )


def _sentence(finding: Finding, spec: DatasetSpec, *, has_leak: bool) -> str:
    is_upload = spec.origin == "uploaded"
    if finding.kind == "leak" and finding.evidence and (is_upload or has_leak):
        # The names in an upload are for its owner alone.
        if is_upload:
            return f"one column alone predicts the target almost perfectly ({finding.evidence})."
        return finding.sentence
    if finding.kind == "across" and finding.share > _MIN_SHARE and not spec.few_kinds:
        return (
            f"{finding.share:.1%} of the validation rows stand among the training rows too, so "
            "the validation looks better than it is."
        )
    return ""
