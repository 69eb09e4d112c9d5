"""Every recipe of a curriculum has a control, a source, a check and a line in the guide."""

from __future__ import annotations

import re

from tests.recipes import test_curricula_choice, test_curricula_hearing, test_curricula_order
from tests.recipes.curriculum_run import FOLDER, name_of

RECIPES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
CHECKS = [*test_curricula_choice.CHECKS, *test_curricula_hearing.CHECKS, *test_curricula_order.CHECKS]


def test_every_recipe_has_a_control_and_a_check():
    assert sorted(map(name_of, CHECKS)) == RECIPES
    for name in RECIPES:
        text = (FOLDER / f"{name}.yaml").read_text()
        assert "# the control" in text
        assert re.search(r"arXiv:\d{4}\.\d{4,5}", text)
        assert "Exact" in text or "ur reading" in text


def test_the_guide_names_every_recipe_beside_its_method():
    page = (FOLDER.parents[1] / "docs" / "curricula.md").read_text()
    table = page.partition("## Published methods")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"\| `([a-z0-9-]+)` \|$", table, re.MULTILINE)) == RECIPES
