"""What the bus hears: every end, also after an outage of the bus, and in the forms that the examples give it."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import uuid4

from tests.e2e.bus_stack import add_backup, default_target, deletes_sent, ear, letters_of, stack, wait_until_empty
from tests.e2e.conftest import WITHIN_S
from tests.e2e.ear import Ear
from tests.e2e.examples import EXAMPLES, deploy
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud
from vbs_reaper.deletion.result import SOURCE, result_id

__all__ = ["default_target", "ear", "stack"]


def test_the_pattern_lets_through_what_needs_a_person_and_nothing_else(
    stack: LocalStack, cloud: Cloud, ear: Ear
) -> None:
    person = Ear.for_pattern(stack, "person", json.loads((EXAMPLES / "needs_a_person.json").read_text()))
    good, held = add_backup(cloud), add_backup(cloud, name="[hold] audit")
    stack.send_all([{"backup_id": good}, {"backup_id": held}])
    ear.hear("detail", good, within_s=WITHIN_S)
    assert person.hear("detail", held, within_s=WITHIN_S)["detail-type"] == "VBS Backup Delete Refused"
    assert len(person.heard()) == 1


def test_a_rule_turns_results_into_cloudevents(stack: LocalStack, cloud: Cloud) -> None:
    outputs = deploy(stack, "cloudevents", "results_as_cloudevents.yaml", EventBusName=stack.outputs["EventBusName"])
    cloudevents = Ear(stack, outputs["CloudEventsQueueUrl"])
    good, held = add_backup(cloud), add_backup(cloud, name='[hold] "audit", <2026>')
    request_ids = stack.send_all([{"backup_id": good}, {"backup_id": held, "reason": 'he said "now"'}])
    for backup_id, request_id, kind in zip(
        (good, held), request_ids, ("VBS Backup Deleted", "VBS Backup Delete Refused"), strict=True
    ):
        event = cloudevents.hear("data", backup_id, within_s=WITHIN_S)
        assert event["specversion"] == "1.0"
        assert event["id"] == event["data"]["id"] == result_id(request_id, 0)
        assert event["source"] == SOURCE
        assert event["type"] == kind
        assert datetime.fromisoformat(event["time"]).tzinfo
        assert event["datacontenttype"] == "application/json"


def test_while_the_bus_is_down_no_end_is_lost_and_nothing_is_done_twice(
    stack: LocalStack, cloud: Cloud, ear: Ear
) -> None:
    good, never, held = [add_backup(cloud) for _ in range(6)], str(uuid4()), add_backup(cloud, name="[hold] audit")
    bodies = [json.dumps({"backup_id": each}) for each in [*good, never, held]] + ["{"]
    with bus_down(stack):
        request_ids = stack.send_all(bodies)
        wait_until("the bus refused every end", lambda: unheard(stack) >= {*request_ids}, within_s=WITHIN_S)
        assert not ends_of(ear, request_ids)
        assert not any(letters_of(stack, request_id) for request_id in request_ids)
    wait_until("every end is heard", lambda: len(ends_of(ear, request_ids)) == len(bodies), within_s=WITHIN_S)
    wait_until_empty(stack)
    outcomes = Counter(outcome for _, outcome in ends_of(ear, request_ids))
    assert outcomes == {"deleted": 6, "already_gone": 1, "refused": 2}
    assert {end_id for end_id, _ in ends_of(ear, request_ids)} == {result_id(each, 0) for each in request_ids}
    assert deletes_sent(cloud) == dict.fromkeys(good, 1)
    assert [letters_of(stack, request_id) for request_id in request_ids] == [0] * 7 + [1, 1]


@contextmanager
def bus_down(stack: LocalStack) -> Iterator[None]:
    """Take the right to publish away from the deleter, and give it back."""
    iam = stack.aws.client("iam")
    role = stack.aws.client("cloudformation").describe_stack_resource(
        StackName="vbs-reaper", LogicalResourceId="DeleterRole"
    )["StackResourceDetail"]["PhysicalResourceId"]
    policy = {"RoleName": role, "PolicyName": "deleter"}
    document = iam.get_role_policy(**policy)["PolicyDocument"]
    less = [statement for statement in document["Statement"] if statement["Sid"] != "PublishResults"]
    assert len(less) == len(document["Statement"]) - 1
    iam.put_role_policy(**policy, PolicyDocument=json.dumps({**document, "Statement": less}))
    try:
        yield
    finally:
        iam.put_role_policy(**policy, PolicyDocument=json.dumps(document))


def unheard(stack: LocalStack) -> set[str]:
    """The requests whose end the bus did not take."""
    return {line["request_id"] for line in stack.log().documents() if line.get("reason") == "unheard"}


def ends_of(ear: Ear, request_ids: list[str]) -> set[tuple[str, str]]:
    """Id and outcome of every end that was heard of these requests, repeats once."""
    details = [each["detail"] for each in ear.heard()]
    return {(each["id"], each["outcome"]) for each in details if each["request_id"] in request_ids}
