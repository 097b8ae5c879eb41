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
OF_ALL = {name: GOOD[name.upper()] for name in FunctionSettings.__struct_fields__}
COMMON = {name.upper(): value for name, value in OF_ALL.items()}
CHECKER = COMMON | {"DELETE_REQUESTS_MAPPING_ID": "0b5e4f6a-8c9d-4e1f-a2b3-c4d5e6f70819"}
PURGER = COMMON | {"MINIMUM_AGE_IN_HOURS": "36"}


def refusal(settings: type[FunctionSettings], environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as refused:
        settings.from_env(environment)
    return str(refused.value)


def test_a_complete_environment_is_read() -> None:
    assert DeleterSettings.from_env(GOOD) == DeleterSettings(
        **OF_ALL,
        base_s=60,
        calls_at_once=5,
        minimum_age=timedelta(hours=36),
        trusted_senders=frozenset({"AROADELETER", "AROAPURGER", "123456789012"}),
    )
    assert CheckerSettings.from_env(CHECKER) == CheckerSettings(
        **OF_ALL, mapping_id="0b5e4f6a-8c9d-4e1f-a2b3-c4d5e6f70819", scheduled_policy=None
    )
    assert PurgerSettings.from_env(PURGER) == PurgerSettings(**OF_ALL, memory_mb=None, minimum_age=timedelta(hours=36))


def test_the_checker_expects_runs_of_the_policy_whose_schedule_is_enabled() -> None:
    assert CheckerSettings.from_env(CHECKER | {"SCHEDULED_POLICY": "nightly"}).scheduled_policy == "nightly"


def test_the_purger_knows_its_memory() -> None:
    assert PurgerSettings.from_env(PURGER | {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}).memory_mb == 512


@pytest.mark.parametrize(
    ("settings", "needed"), [(DeleterSettings, GOOD), (CheckerSettings, CHECKER), (PurgerSettings, PURGER)]
)
def test_an_empty_environment_names_every_variable_at_once(
    settings: type[FunctionSettings], needed: dict[str, str]
) -> None:
    said = refusal(settings, {})
    assert all(f"{name} is not set; give " in said for name in needed)


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        DeleterSettings.from_env(GOOD).base_s = 1  # type: ignore[misc]


@pytest.mark.parametrize("name", GOOD)
def test_one_wrong_variable_is_named_alone(name: str) -> None:
    said = refusal(DeleterSettings, GOOD | {name: ""})
    assert [other for other in GOOD if other in said] == [name]
    assert f"{name} is empty" in said


BAD = {
    "DELETE_QUEUE_URL": ["reaper-DeleteQueue-1"],
    "DEAD_LETTER_QUEUE_URL": ["ftp://host/queue"],
    "EVENT_BUS_NAME": ["a bus"],
    "SECRET_PREFIX": ["/vbs-reaper"],
    "DEFAULT_TARGET": ["Default", "default\n", "-default"],
    "PLANS_BUCKET": ["", "Plans", "s3://plans", "plans/nightly", "a", "-plans", "plans\n"],
    "BACKOFF_BASE_IN_SECONDS": ["0", "901", "1.5", "6\uff10"],
    "CALLS_AT_ONCE": ["11", " 5"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_value_out_of_its_bounds_is_refused_with_what_was_found(name: str, value: str) -> None:
    said = refusal(DeleterSettings, GOOD | {name: value})
    assert name in said
    assert (ascii(value) if value else "is empty") in said


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


def test_metrics_have_a_stack_even_if_its_name_is_not_set() -> None:
    assert stack_name({"STACK_NAME": "reaper"}) == "reaper"
    assert stack_name({}) == stack_name({"STACK_NAME": ""}) == "unknown"
