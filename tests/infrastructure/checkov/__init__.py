"""Checkov's rules on the template as CloudFormation sees it; what is let pass says why in the template."""
