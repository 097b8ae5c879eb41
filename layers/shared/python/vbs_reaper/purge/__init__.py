"""Which backups a policy lets go: a policy and an inventory in, a plan with a reason per backup out."""
