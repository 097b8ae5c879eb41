"""Use case: bring one delete request to its end. Decisions are pure; AWS and clouds are reached through ports."""
