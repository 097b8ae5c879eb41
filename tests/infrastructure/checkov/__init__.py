"""Applies the rules of checkov to the translated template. The template gives a reason for each suppressed rule."""
