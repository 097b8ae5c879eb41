from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from vbs_reaper.errors import SettingsError
from vbs_reaper.settings import CheckerSettings, DeleterSettings, FunctionSettings, PurgerSettings, stack_name

GOOD = {
    "DELETE_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/reaper-DeleteQueue-1",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/reaper-DeadLetterQueue-1",
    "EVENT_BUS_NAME": "reaper-EventBus",
    "SECRET_PREFIX": "vbs-reaper",
    "DEFAULT_TARGET": "default",
    "PLANS_BUCKET": "reaper-plansbucket",
    "BACKOFF_BASE_IN_SECONDS": "60",
    "CALLS_AT_ONCE": "5",
    "MINIMUM_AGE_IN_HOURS": "36",
    "TRUSTED_SENDER_IDS": "AROADELETER,AROAPURGER,123456789012",
}


def test_a_complete_environment_is_read() -> None:
    assert DeleterSettings.from_env(GOOD) == DeleterSettings(
        delete_queue_url=GOOD["DELETE_QUEUE_URL"],
        dead_letter_queue_url=GOOD["DEAD_LETTER_QUEUE_URL"],
        event_bus_name="reaper-EventBus",
        secret_prefix="vbs-reaper",
        default_target="default",
        plans_bucket="reaper-plansbucket",
        base_s=60,
        calls_at_once=5,
        minimum_age=timedelta(hours=36),
        trusted_senders=frozenset({"AROADELETER", "AROAPURGER", "123456789012"}),
    )


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        DeleterSettings.from_env(GOOD).base_s = 1  # type: ignore[misc]


def test_an_empty_environment_names_every_variable_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        DeleterSettings.from_env({})
    assert all(f"{name} is not set; give " in str(refused.value) for name in GOOD)


@pytest.mark.parametrize("name", GOOD)
def test_one_wrong_variable_is_named_alone(name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        DeleterSettings.from_env(GOOD | {name: ""})
    assert [other for other in GOOD if other in str(refused.value)] == [name]
    assert f"{name} is empty" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DELETE_QUEUE_URL", "reaper-DeleteQueue-1"),
        ("DEAD_LETTER_QUEUE_URL", "ftp://host/queue"),
        ("EVENT_BUS_NAME", "a bus"),
        ("SECRET_PREFIX", "/vbs-reaper"),
        ("DEFAULT_TARGET", "Default"),
        ("DEFAULT_TARGET", "default\n"),
        ("DEFAULT_TARGET", "-default"),
        ("BACKOFF_BASE_IN_SECONDS", "0"),
        ("BACKOFF_BASE_IN_SECONDS", "901"),
        ("BACKOFF_BASE_IN_SECONDS", "1.5"),
        ("BACKOFF_BASE_IN_SECONDS", "6\uff10"),
        ("CALLS_AT_ONCE", "11"),
        ("CALLS_AT_ONCE", " 5"),
    ],
)
def test_a_value_out_of_its_bounds_is_refused_with_what_was_found(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as refused:
        DeleterSettings.from_env(GOOD | {name: value})
    assert ascii(value) in str(refused.value)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.text()))
def test_whatever_the_environment_holds_it_is_read_or_refused_in_printable_words(changes: dict[str, str]) -> None:
    try:
        settings = DeleterSettings.from_env(GOOD | changes)
    except SettingsError as refused:
        assert str(refused).isascii()  # noqa: PT017  # either end is right
        assert str(refused).isprintable()  # noqa: PT017
    else:
        assert 1 <= settings.base_s <= 900
        assert 1 <= settings.calls_at_once <= 10


CHECKER = {name.upper(): GOOD[name.upper()] for name in FunctionSettings.__struct_fields__} | {
    "DELETE_REQUESTS_MAPPING_ID": "0b5e4f6a-8c9d-4e1f-a2b3-c4d5e6f70819"
}


def test_the_checker_reads_what_it_needs_and_names_all_that_is_missing() -> None:
    assert CheckerSettings.from_env(CHECKER) == CheckerSettings(
        delete_queue_url=GOOD["DELETE_QUEUE_URL"],
        dead_letter_queue_url=GOOD["DEAD_LETTER_QUEUE_URL"],
        event_bus_name="reaper-EventBus",
        secret_prefix="vbs-reaper",
        default_target="default",
        plans_bucket="reaper-plansbucket",
        mapping_id="0b5e4f6a-8c9d-4e1f-a2b3-c4d5e6f70819",
        scheduled_policy=None,
    )
    with pytest.raises(SettingsError) as refused:
        CheckerSettings.from_env({})
    assert all(f"{name} is not set; give " in str(refused.value) for name in CHECKER)


def test_the_checker_expects_runs_of_the_policy_whose_schedule_is_enabled() -> None:
    assert CheckerSettings.from_env(CHECKER | {"SCHEDULED_POLICY": "nightly"}).scheduled_policy == "nightly"


def test_metrics_have_a_stack_even_if_its_name_is_not_set() -> None:
    assert stack_name({"STACK_NAME": "reaper"}) == "reaper"
    assert stack_name({}) == stack_name({"STACK_NAME": ""}) == "unknown"


PURGER = {
    name: GOOD[name] for name in GOOD if name not in {"BACKOFF_BASE_IN_SECONDS", "CALLS_AT_ONCE", "TRUSTED_SENDER_IDS"}
} | {"PLANS_BUCKET": "reaper-plansbucket-1x2y3z"}


def test_the_purger_reads_what_it_needs_and_names_all_that_is_missing() -> None:
    assert PurgerSettings.from_env(PURGER) == PurgerSettings(
        delete_queue_url=GOOD["DELETE_QUEUE_URL"],
        dead_letter_queue_url=GOOD["DEAD_LETTER_QUEUE_URL"],
        event_bus_name="reaper-EventBus",
        secret_prefix="vbs-reaper",
        default_target="default",
        plans_bucket="reaper-plansbucket-1x2y3z",
        memory_mb=None,
        minimum_age=timedelta(hours=36),
    )
    assert PurgerSettings.from_env(PURGER | {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}).memory_mb == 512
    with pytest.raises(SettingsError) as refused:
        PurgerSettings.from_env({})
    assert all(f"{name} is not set; give " in str(refused.value) for name in PURGER)


@pytest.mark.parametrize("bucket", ["", "Plans", "s3://plans", "plans/nightly", "a", "-plans", "plans\n"])
def test_a_bucket_that_is_none_is_named(bucket: str) -> None:
    with pytest.raises(SettingsError, match="PLANS_BUCKET"):
        PurgerSettings.from_env(PURGER | {"PLANS_BUCKET": bucket})
