"""The conditions of an aid file as a page, drawn from the table that decides.

`python -m tests.checks.conditions_page` writes `docs/conditions-of-an-aid-file.md`; a test fails where it differs.
"""

import re
from pathlib import Path

from app.applications.conditions import CONDITIONS, REVIEW_NOT_FAVOURABLE, WITHOUT_VALUE, Condition, FileStep

PAGE = Path(__file__).parents[2] / "docs" / "conditions-of-an-aid-file.md"
HEAD = """# Conditions of an aid file
Drawn from the table of `app/applications/conditions.py` by `python -m tests.checks.conditions_page`; a test fails where
this page differs from it.

A step that misses conditions answers 409 `application-not-ready` and names all of them at once:
`unmet: [{code, detail, cure, pointer}]`, in the language of the caller; `pointer` is null where no field of the file is
meant. `GET T/applications/{id}/transitions` tells the same without trying: `acts` for the receipt, `decisions` for what
committees decide.

- **`submit`** looks at the day of receipt: certificates, proceedings and statements of that day, the perimeter in force
  on it, the scheme's parameters of it. `…/transitions` looks at a draft as if it were received today.
- **`pre_select`** and **`grant`** look at the day of the decision, by the perimeter and the parameters of the day of
  receipt. The fields of a file do not change after its receipt, so they are not looked at again.
- A certificate counts to the earlier of its last day and `certificate_days` after the day on which it was issued. A
  proceeding counts from the day of its opening to the day before that of its end.
- Public aid counts at face value, the advance included: other public aid of the project's plan, awards of the firm that
  stand for the project, and what the file requests or, where it is more, what the plan counts on beyond what other
  holders have or request. A decision counts what it awards instead.
- A parameter that the scheme needs here and has no value for is `parameter-not-in-force`, told beside the others; where
  nothing else is missing, the step answers 409 `parameter-not-in-force` itself.
- Who may not read the review is told `review-not-favourable` for each of the conditions that rest on it, in the same
  words and at the same place. A review enters no event, log or export.

| code | `submit` | `pre_select` | `grant` | what is not met | cure |
|---|---|---|---|---|---|
"""


def _said(text: str) -> str:
    return re.sub(r"\{(\w+)\}", r"‹\1›", text)


def _row(condition: Condition) -> str:
    bites = ["✓" if step in condition.steps else "" for step in FileStep]
    return f"| {' | '.join([f'`{condition.code}`', *bites, _said(condition.detail.en), _said(condition.cure.en)])} |"


def page() -> str:
    """The whole page."""
    return HEAD + "\n".join(map(_row, [*CONDITIONS.values(), REVIEW_NOT_FAVOURABLE, WITHOUT_VALUE])) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
