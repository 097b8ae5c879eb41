"""Lists the rules that would prevent CloudFormation from deleting a stack: rules of others on the bus that it created.

`make remove` runs it before it deletes anything, and goes on only after exit code 0:
`python -m vbs_reaper.cli.bus_rules STACK`. Exit codes: 0 there are none, 2 there are some, 1 they cannot be listed.
"""

import sys
from typing import Final

import boto3

from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.cli.aws_failure import explain_failure
from vbs_reaper.cli.exit_codes import EXIT_ERROR
from vbs_reaper.cli.stack import Stack
from vbs_reaper.errors import CommandError

EXIT_FOUND: Final = 2
OWN_RULE: Final = "DeleteRequestedRule"
"""The logical ID of the stack's rule, which CloudFormation deletes."""
_NO_SUCH_BUS: Final = "ResourceNotFoundException"
"""The bus was deleted before, for instance by a removal that failed later (EventBridge API reference, "ListRules")."""


def main(stack: str) -> int:
    """Print the rules and how to delete them; return the exit code."""
    try:
        bus, names = rules_of_others(stack)
    except CommandError as error:
        print(  # noqa: T201
            f"The rules on the event bus could not be listed: {error}\n"
            "Nothing was deleted: CloudFormation cannot delete a bus with rules of others, and would leave half of the "
            f"stack. To delete it without this check: .venv-sam/bin/sam delete --stack-name {stack}",
            file=sys.stderr,
        )
        return EXIT_ERROR
    if not names:
        return 0
    print(  # noqa: T201
        f"Nothing was deleted: the event bus {bus} has rules that are not the stack's, and a bus with rules cannot be "
        "deleted. Remove their targets, then delete them. A rule of an archive is deleted with the archive:"
    )
    for name in names:
        print(f"  aws events list-targets-by-rule --event-bus-name {bus} --rule {name}")  # noqa: T201
        print(f"  aws events remove-targets --event-bus-name {bus} --rule {name} --ids ID")  # noqa: T201
        print(f"  aws events delete-rule --event-bus-name {bus} --name {name}")  # noqa: T201
    return EXIT_FOUND


def rules_of_others(stack: str) -> tuple[str, list[str]]:
    """Return the event bus of a stack and the rules on it that the stack has not created.

    A bus that was given as EventBusName remains when the stack is deleted: then there are none.

    Raises:
        CommandError: the stack does not exist, or the rules cannot be listed.
    """
    bus = Stack(stack).output("EventBusName")
    if bus != stack:  # the bus that a stack creates has the stack's name
        return bus, []
    try:
        own = _own_rule(stack)
        found = boto3.client("events").list_rules(EventBusName=bus, Limit=100)["Rules"]
    except AWS_ERRORS as error:
        if code_of(error) == _NO_SUCH_BUS:
            return bus, []
        raise CommandError(f'event bus "{bus}": {explain_failure(error)}') from None
    return bus, [rule["Name"] for rule in found if rule["Name"] != own]


def _own_rule(stack: str) -> str:
    """Return the name of the stack's rule. It can be shortened, so it is not recognized by its form."""
    cloudformation = boto3.client("cloudformation")
    answer = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=OWN_RULE)
    name: str = answer["StackResourceDetail"]["PhysicalResourceId"].rpartition("|")[2]  # <bus>|<rule>
    return name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
