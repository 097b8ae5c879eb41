"""Explains failures of AWS calls to the operator: which setting is wrong, or what to do. Never quotes a credential."""

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError

from vbs_reaper.aws.error_codes import code_of
from vbs_reaper.text import printable

REGION: Final = "AWS_DEFAULT_REGION"
_NUMBERS: Final = ("AWS_MAX_ATTEMPTS", "AWS_METADATA_SERVICE_TIMEOUT", "AWS_METADATA_SERVICE_NUM_ATTEMPTS")
_VARIABLES: Final[Mapping[str, str]] = {
    "InvalidRetryModeError": "AWS_RETRY_MODE",
    "InvalidMaxRetryAttemptsError": "AWS_MAX_ATTEMPTS",
    "InvalidDefaultsMode": "AWS_DEFAULTS_MODE",
    "InvalidSTSRegionalEndpointsConfigError": "AWS_STS_REGIONAL_ENDPOINTS",
    "InvalidChecksumConfigError": "AWS_REQUEST_CHECKSUM_CALCULATION or AWS_RESPONSE_CHECKSUM_VALIDATION",
    "InvalidIMDSEndpointError": "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "InvalidIMDSEndpointModeError": "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "InvalidProxiesConfigError": "HTTPS_PROXY",
}
"""The setting that an exception of botocore is about. The profile may also contain it."""
_CODES: Final[Mapping[str, str]] = {
    "ExpiredToken": "the AWS credentials have expired; log in again",
    "ExpiredTokenException": "the AWS credentials have expired; log in again",
    "RequestExpired": "the AWS credentials have expired, or the clock of this machine is wrong; check both",
    "InvalidClientTokenId": "AWS does not know the credentials; check AWS_PROFILE or AWS_ACCESS_KEY_ID",
    "UnrecognizedClientException": "AWS does not know the credentials; check AWS_PROFILE or AWS_ACCESS_KEY_ID",
    "InvalidAccessKeyId": "AWS does not know the credentials; check AWS_PROFILE or AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "AWS rejects the credentials; check AWS_PROFILE or AWS_SECRET_ACCESS_KEY",
    "AccessDenied": "your AWS role lacks the permission; attach the stack's OperatorPolicy to it",
    "AccessDeniedException": "your AWS role lacks the permission; attach the stack's OperatorPolicy to it",
    "AccessDeniedFault": "your AWS role lacks the permission; attach the stack's OperatorPolicy to it",
    "UnauthorizedOperation": "your AWS role lacks the permission; attach the stack's OperatorPolicy to it",
}


def explain_failure(error: Exception) -> str:
    """Return what failed and what to do, as a clause with the error code in brackets at its end."""
    return f"{_explain(error)} ({code_of(error)})"


def is_of_aws(error: Exception) -> bool:
    """Whether botocore raised this, also a plain ValueError or OSError, as it does for some broken settings."""
    return isinstance(error, BotoCoreError | ClientError) or _is_raised_in("botocore", error.__traceback__)


def _is_raised_in(package: str, traceback: TracebackType | None) -> bool:
    while traceback is not None:
        if str(traceback.tb_frame.f_globals.get("__name__")).partition(".")[0] == package:
            return True
        traceback = traceback.tb_next
    return False


def _explain(error: Exception) -> str:  # noqa: PLR0911  # one sentence per kind of failure
    details = getattr(error, "kwargs", {})
    match error:
        case ClientError():
            return _CODES.get(code_of(error)) or _of_other_code(code_of(error))
        case aws.NoRegionError():
            ignored = ", because AWS_REGION is not read" if os.environ.get("AWS_REGION") else ""
            return f"no AWS region is set; set {REGION}{ignored}, or a region in the profile"
        case aws.ProfileNotFound():
            name = printable(str(details.get("profile", "")))
            return f'AWS_PROFILE is "{name}", and the configuration has no such profile; `aws configure list-profiles`'
        case aws.ConfigParseError() | aws.ConfigNotFound():
            return f"{details.get('path', 'the AWS configuration')} cannot be parsed; correct the file"
        case aws.PartialCredentialsError():
            return f"the AWS credentials are incomplete: {details.get('cred_var')} is missing; set it"
        case aws.NoCredentialsError():
            return "there are no AWS credentials; log in and set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and its secret"
        case aws.InvalidConfigError() | aws.InfiniteLoopConfigError():
            return f"the AWS configuration is wrong: {printable(str(error)).rstrip('.')}; correct the profile"
        case aws.ProxyConnectionError():
            return "the proxy cannot be reached; check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
        case aws.SSLError() if (bundle := os.environ.get("AWS_CA_BUNDLE")) and not os.access(bundle, os.R_OK):
            return f"AWS_CA_BUNDLE is {printable(bundle)}, which cannot be read; correct or unset it"
        case aws.SSLError():
            return "the certificate of AWS is not trusted; set AWS_CA_BUNDLE to the certificates of your proxy"
        case aws.EndpointConnectionError() | aws.ConnectTimeoutError() | aws.ReadTimeoutError():
            where = printable(str(details.get("endpoint_url", "AWS")).rpartition("@")[2].partition("?")[0])
            return f"{where} does not answer; check the network, {_broken_setting(error) or 'the region and the proxy'}"
        case FileNotFoundError() | PermissionError():
            return f"{error.filename}, which the AWS configuration names, cannot be read: {error.strerror}; correct it"
    if variable := _VARIABLES.get(type(error).__name__) or _broken_setting(error):
        return f"{variable} has a value that cannot be used; correct it, or remove it"
    return "the AWS client cannot be used; check the variables AWS_… and …_PROXY for stray characters, and the profile"


def _of_other_code(code: str) -> str:
    if code.startswith(("NoSuch", "ResourceNotFound")) or code.endswith(("NonExistentQueue", "QueueDoesNotExist")):
        return "it does not exist, or no longer; check the stack in the console of CloudFormation"
    return "AWS did not carry it out; try again"


def _broken_setting(error: Exception) -> str:
    """Return the environment variable that is certainly wrong; empty if none is."""
    if isinstance(error, aws.InvalidRegionError) or os.environ.get(REGION, "-").strip() == "":
        return REGION
    for name, value in os.environ.items():
        is_address = name.startswith("AWS_ENDPOINT_URL") or name == "AWS_CONTAINER_CREDENTIALS_FULL_URI"
        if is_address and value and not _is_address(value):
            return name
        if name in _NUMBERS and not value.isdecimal():
            return name
        if name.upper() in {"HTTP_PROXY", "HTTPS_PROXY"} and value and not _is_address(value):
            return name
    # What is well-formed, but refused for its host.
    return "AWS_CONTAINER_CREDENTIALS_FULL_URI" if "Unsupported host" in str(error) else ""


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and text.isascii()
            and (parts.port or 1) < 1 << 16
        )
    except ValueError:
        return False
