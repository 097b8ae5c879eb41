"""What deletions ask of AWS, exactly: it must not grow unnoticed."""

from tests.benchmarks.drain import drain

DELETIONS = 20


def test_a_deletion_asks_sqs_once_and_the_secret_is_read_once_per_environment() -> None:
    drained = drain(DELETIONS, {})
    assert drained.passes == 2 * DELETIONS
    assert drained.asked["sqs"] == DELETIONS  # each first pass sends its message anew
    assert DELETIONS <= drained.asked["events"] <= 2 * DELETIONS  # each result, and the bus looked for per environment
    assert drained.asked["secretsmanager"] <= 2  # MaximumConcurrency
    assert set(drained.asked) <= {"sqs", "events", "secretsmanager"}
