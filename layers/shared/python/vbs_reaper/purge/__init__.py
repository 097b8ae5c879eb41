"""Use case 2: turns a policy and the backups of a project into a plan, and a plan into delete requests."""
