"""Translates the template locally with the SAM transform, as for CloudFormation."""

import json
import sys
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
REGION = "eu-central-1"
"""The transform needs a region, but nothing in the template depends on it."""


def translate(template: Path = TEMPLATE) -> dict[str, Any]:
    """Translate a SAM template, with code at `s3://local/<logical ID>` as in the local stack."""
    document: dict[str, Any] = yaml_parse(template.read_text())
    for logical_id, resource in document["Resources"].items():
        properties = resource.get("Properties", {})
        for key in ("CodeUri", "ContentUri"):
            if key in properties:
                properties[key] = {"Bucket": "local", "Key": logical_id}
    translated: dict[str, Any] = Translator({}, Parser(), boto_session=_session()).translate(document, {})
    return translated


def _session() -> boto3.Session:
    """Return a session with only a region, which ignores the profile of the user."""
    heedless = botocore.session.Session({"profile": (None, None, None, None)})
    return boto3.Session(region_name=REGION, botocore_session=heedless)


if __name__ == "__main__":
    json.dump(translate(), sys.stdout, indent=2, default=str)
