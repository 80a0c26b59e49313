"""The evaluation as its deployment runs it; what it measures is in test_folder.py."""

import asyncio

from flows.resources import Resources, using


def test_without_labelled_images_it_fails_and_says_which_setting_names_them(
    prefect: None, resources: Resources
) -> None:
    from flows.evaluation.scheduled import evaluate_site_model

    with using(resources):
        state = asyncio.run(evaluate_site_model(return_state=True))

    assert state.is_failed()
    assert "SEVERITY_EVALUATION_DATA" in state.message
