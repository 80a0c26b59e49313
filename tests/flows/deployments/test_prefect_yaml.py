"""The file prefect.yaml, as `prefect deploy --all` reads it."""

from pathlib import Path

import yaml

from flows.deployments.plan import planned
from flows.deployments.prefect_yaml import prefect_yaml
from flows.settings import Settings

FILE = Path(__file__).parents[3] / "prefect.yaml"


def test_the_file_is_that_of_a_site_that_sets_nothing() -> None:
    """`make reference` writes it."""
    assert FILE.read_text(encoding="utf-8") == prefect_yaml(planned(Settings()), "UTC")


def test_prefect_takes_each_of_its_deployments() -> None:
    from prefect.cli.deploy._models import PrefectYamlModel

    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))

    model = PrefectYamlModel.model_validate(content)
    assert [entry.name for entry in model.deployments] == [job.name for job in planned(Settings())]
    assert content["pull"] == []
