"""Target secrets: which are accepted, and the sentence with which others are refused."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from vbs_reaper.backups.secret_text import Secret, StoredSecret
from vbs_reaper.clouds.target import Target
from vbs_reaper.clouds.target_secret import read_target
from vbs_reaper.errors import InvalidSecret

CANARY = "canary-password-7d1f"
PROJECT = "0123456789abcdef0123456789abcdef"
AUTH_URL = "https://iam.eu-de.otc.t-systems.com/v3"
LOGIN = {
    "auth_url": AUTH_URL,
    "username": "reaper",
    "password": CANARY,
    "user_domain_name": "OTC00000000001000000123",
    "project_id": PROJECT,
}
CREDENTIAL = {
    "auth_url": AUTH_URL,
    "application_credential_id": "c0ffee",
    "application_credential_secret": CANARY,
}
ACCESS_KEY = {"access_key": "AKEXAMPLE0123456789", "secret_key": CANARY, "project_id": PROJECT}
SUBJECT = 'target "otc-prod": secret vbs-reaper/otc-prod '


def read(document: object) -> Target:
    text = document if isinstance(document, str) else json.dumps(document)
    return read_target("otc-prod", StoredSecret(version_id="1", text=Secret(text), name="vbs-reaper/otc-prod"))


def refusal(document: object) -> str:
    with pytest.raises(InvalidSecret) as refused:
        read(document)
    error = refused.value
    assert error.__context__ is None
    assert CANARY not in str(error)
    assert str(error).startswith(SUBJECT)
    return str(error).removeprefix(SUBJECT)


def entry(auth: dict[str, Any] | None = None, /, **keys: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"auth": LOGIN | (auth or {})} | keys


def signed(auth: dict[str, Any] | None = None, /, **keys: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"auth_type": "aksk", "auth": ACCESS_KEY | (auth or {}), "region_name": "eu-de"} | keys


def without(*keys: str) -> dict[str, Any]:
    return {"auth": {key: value for key, value in LOGIN.items() if key not in keys}}


def test_a_pasted_entry_is_sufficient() -> None:
    target = read(entry(region_name="eu-de", interface="public", identity_api_version=3))
    assert (target.service, target.api_version, target.region) == ("vbs", "v2", "eu-de")
    assert (target.hold_marker, target.allow_admin, target.insecure_http) == ("[hold]", False, False)
    assert target.auth.password.reveal() == CANARY
    assert not target.uses_application_credential
    assert CANARY not in repr(target)


@pytest.mark.parametrize(
    ("keys", "api_version"),
    [
        ({"volume_backup_service": "vbs"}, "v2"),
        ({"volume_backup_service": "vbs", "volume_backup_api_version": "v3"}, "v3"),
        ({"volume_backup_service": "cinder"}, "v3"),
        ({"volume_backup_service": "cbr"}, "v3"),
        ({"volume_backup_service": "cinder", "volume_backup_api_version": "v2"}, "v2"),
    ],
)
def test_the_version_follows_the_service_unless_it_is_stated(keys: dict[str, str], api_version: str) -> None:
    assert read(entry(**keys)).api_version == api_version


@pytest.mark.parametrize(
    "document",
    [
        entry(auth_type="v3password"),
        entry(identity_api_version="3"),
        entry(regions=["eu-de"]),
        entry(regions=["eu-de"], region_name="eu-de"),
        entry(verify=True),
        entry({"project_name": "eu-de_x"}),
        without("project_id") | {"auth": without("project_id")["auth"] | {"project_name": "eu-de"}},
        {"auth": CREDENTIAL, "auth_type": "v3applicationcredential"},
        {"auth": CREDENTIAL | {"project_id": PROJECT}, "auth_type": "v3applicationcredential"},
        entry({"auth_url": "http://127.0.0.1:5000/v3"}, insecure_http=True),
        entry(volume_backup_endpoint_override="https://vbs.eu-de.otc.t-systems.com"),
        entry(volume_backup_endpoint_override=f"https://vbs.eu-de.otc.t-systems.com/v2/{PROJECT}"),
        entry(hold_marker="KEEP", allow_admin=True),
        signed(),
        signed(signature="credential"),
        signed(region_name="cn-north-4"),
        signed(region_name="", volume_backup_endpoint_override="https://vbs.eu-ch2.sc.otc.t-systems.com"),
        signed(volume_backup_service="cinder", volume_backup_endpoint_override="https://evs.example/v3"),
    ],
)
def test_these_are_accepted_as_well(document: dict[str, Any]) -> None:
    read(document)


def test_an_access_key_signs_for_the_documented_host_of_its_region_unless_another_is_stated() -> None:
    target = read(signed())
    assert target.uses_access_key
    assert (target.signature, target.address) == ("access", "https://vbs.eu-de.otc.t-systems.com")
    assert CANARY not in repr(target)
    elsewhere = "https://vbs.example"
    assert read(signed(volume_backup_endpoint_override=elsewhere)).address == elsewhere
    assert not read(entry()).uses_access_key


@pytest.mark.parametrize(
    ("written", "normalized"),
    [
        ("HTTPS://IAM.Example/v3", "https://iam.example/v3"),
        ("https://iam.example.:443/identity/v3/", "https://iam.example/identity/v3"),
        ("https://[2001:DB8::0:10]:5000/v3", "https://[2001:db8::10]:5000/v3"),
        ("https://iam.example", "https://iam.example"),
    ],
)
def test_the_address_of_keystone_is_normalized(written: str, normalized: str) -> None:
    assert read(entry({"auth_url": written})).auth.auth_url == normalized


@pytest.mark.parametrize("key", ["auth_url", "username", "password"])
def test_a_key_that_is_missing_or_empty_is_named(key: str) -> None:
    assert refusal(without(key)) == f'lacks "auth.{key}"'
    assert refusal(entry({key: ""})) == f'lacks "auth.{key}"'


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, 'lacks "auth.auth_url"'),
        (without("user_domain_name"), 'lacks "auth.user_domain_name"'),
        (without("project_id"), 'lacks "auth.project_id"'),
        ({"auth": LOGIN, "auth_type": "v3applicationcredential"}, 'lacks "auth.application_credential_id"'),
        (entry({"user_domain_id": "x"}), 'has both "auth.user_domain_name" and "auth.user_domain_id"; remove one'),
        (entry({"project_domain_id": "x", "project_domain_name": "y"}), "remove one of the two"),
        (entry({"application_credential_id": "x"}), 'has "auth.application_credential_id", which its "auth_type"'),
        ({"auth": CREDENTIAL | LOGIN, "auth_type": "v3applicationcredential"}, 'has "auth.username", which its'),
        (entry({"project_id": PROJECT.upper()}), '"auth.project_id" with a value that cannot be used; it must be 32'),
        (entry({"project_id": PROJECT + "\n"}), '"auth.project_id" with a value'),
        (signed({"access_key": ""}), 'lacks "auth.access_key"'),
        (signed({"secret_key": ""}), 'lacks "auth.secret_key"'),
        (signed({"project_id": ""}), 'lacks "auth.project_id"'),
        (signed({"project_id": PROJECT.upper()}), '"auth.project_id" with a value'),
        (
            signed({"access_key": "AK, Signature=1"}),
            '"auth.access_key" with a value that cannot be used; it must be let',
        ),
        (signed({"access_key": "AK\n"}), '"auth.access_key" with a value that cannot be used'),
        (signed({"secret_key": f"{CANARY} "}), '"auth.secret_key" with a value that cannot be used; it must be ASCII'),
        (signed({"secret_key": f"ｘ{CANARY}"}), '"auth.secret_key" with a value that cannot be used; it must be ASCII'),
        (signed({"auth_url": AUTH_URL}), 'has "auth.auth_url", which its "auth_type" does not use'),
        (signed({"username": "x"}), 'has "auth.username", which its "auth_type" does not use'),
        (signed({"password": CANARY}), 'has "auth.password", which its "auth_type" does not use'),
        (signed({"project_name": "eu-de"}), 'has "auth.project_name", which its "auth_type" does not use'),
        (
            signed({"security_token": CANARY}),
            'has "auth.security_token", which is not accepted here; remove it: a temp',
        ),
        (
            signed({"ak": "x", "sk": CANARY}),
            'has "auth.ak", which is not accepted here; rename it to "auth.access_key"',
        ),
        (signed({"sk": CANARY}), 'has "auth.sk", which is not accepted here; rename it to "auth.secret_key"'),
        (entry(ak="x", sk=CANARY), 'has "ak", which is not accepted here; give it as "auth.access_key", with'),
        (entry(secret_key=CANARY), 'has "secret_key", which is not accepted here; give it as "auth.secret_key"'),
        (entry({"access_key": "x"}), 'has "auth.access_key", which its "auth_type" does not use'),
        (entry({"secret_key": CANARY}), 'has "auth.secret_key", which its "auth_type" does not use'),
        (signed(signature="Access"), '"signature" with a value that cannot be used; it must be access or credential'),
        (signed(region_name=""), 'lacks "volume_backup_endpoint_override", and it has no "region_name"'),
        (
            signed(region_name="eu-nl"),
            'lacks "volume_backup_endpoint_override", and "region_name" is not a region where',
        ),
        *(
            (
                signed(volume_backup_service="cinder", region_name=region),
                'lacks "volume_backup_endpoint_override", and hosts of cinder are not documented; in Open Telekom Cloud'
                ' and Huawei Cloud, "volume_backup_service" is vbs or cbr',
            )
            for region in ("eu-de", "")
        ),
        (signed(volume_backup_endpoint_override="http://vbs.example"), "which is not https"),
        *(
            (
                made(volume_backup_endpoint_override="https://vbs.example/v2/c0ffee00c0ffee00c0ffee00c0ffee00"),
                'has "volume_backup_endpoint_override" with another project than "auth.project_id"; make them agree',
            )
            for made in (signed, entry)
        ),
        (entry(auth_type="v3totp"), '"auth_type" with a value that cannot be used; it must be password, v3password'),
        (entry(interface="publicURL"), '"interface" with a value that cannot be used; it must be public or internal'),
        (entry(volume_backup_service="cbs"), '"volume_backup_service" with a value that cannot be used'),
        (entry(volume_backup_api_version="3"), '"volume_backup_api_version" with a value that cannot be used'),
        (entry(identity_api_version=2), '"identity_api_version" with a value that cannot be used; it must be 3'),
        (entry(identity_api_version="3.0"), '"identity_api_version" with a value that cannot be used; it must be 3'),
        (entry(regions=["eu-de", "eu-nl"]), 'has several "regions"; a target is one project in one region'),
        (entry(regions=["eu-de"], region_name="eu-nl"), 'has "region_name" and "regions" that differ'),
        (entry(hold_marker=""), 'has an empty "hold_marker"'),
        (entry(hold_marker=" "), 'has an empty "hold_marker"'),
        (entry(hold_marker="\u200b\u00a0"), 'has an empty "hold_marker"'),
        (entry(verify=False), 'has "verify": false; remove it'),
        (entry(cacert="/etc/ssl/private-ca.pem"), "give the PEM text itself, not a path to it"),
        (entry(cacert="-----BEGIN CERTIFICATE-----\nnonsense"), 'has a "cacert" that cannot be read'),
        (entry(cacert="-----BEGIN CERTIFICATE-----\nｎonsense"), 'has a "cacert" that cannot be read'),
        (entry({"auth_url": "http://iam.example/v3"}), 'has "auth.auth_url", which is not https'),
        (entry({"auth_url": f"https://u:{CANARY}@iam.example"}), 'has "auth.auth_url", which is not a plain address'),
        (entry(volume_backup_endpoint_override="http://vbs.example"), "which is not https"),
        (entry(volume_backup_endpoint_override="https://vbs.example/v3"), "another version"),
        (entry(profile="otc"), 'has "profile", which is not accepted here; remove it, and give the values of'),
        (entry(insecure=True), 'has "insecure"'),
        ({"clouds": {"otc": entry()}}, "store the one entry below it"),
        (entry({"token": CANARY}), 'has "auth.token"'),
        (entry({"tenant_name": "x"}), 'rename it to "auth.project_name"'),
        (entry({"projct_id": "x"}), 'unknown key of 9 characters in "auth"; did you mean "auth.project_id"?'),
        (entry(region="eu-de"), 'unknown key of 6 characters; did you mean "regions"?'),
        (entry(username="x"), 'unknown key of 8 characters; did you mean "auth.username"?'),
        (entry(xyz="x"), "unknown key of 3 characters; known are auth, auth_type, region_name"),
        (
            entry({"xyz": "x"}),
            'unknown key of 3 characters in "auth"; known are auth.auth_url, auth.username, auth.pass',
        ),
        (entry({"password": 1234}), '"auth.password"'),
        (entry({"password": None}), '"auth.password"'),
        (entry(allow_admin="yes"), '"allow_admin"'),
        (entry(regions="eu-de"), '"regions"'),
        ({"auth": "x"}, '"auth"'),
        ([], "the whole"),
        (CANARY, "is not JSON"),
        ('{"auth": {}, "auth": {}}', 'names a key twice: "auth"'),
        ('{"auth": {"token": "a", "token": "b"}}', 'names a key twice: "token"'),
        (f'{{"auth": {{"{CANARY}": 1, "{CANARY}": 2}}}}', f"names a key twice: a key of {len(CANARY)} characters"),
        ("[" * 100_000, ""),
        (entry(hold_marker="x" * 70_000), "65536 are allowed"),
    ],
)
def test_everything_else_is_refused_with_key_and_fix(document: object, sentence: str) -> None:
    assert sentence in refusal(document)


ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.just(CANARY),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "password"]), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*Target.__struct_fields__, "profile"]), ANY_JSON, max_size=6))
def test_no_value_of_a_secret_is_ever_quoted(document: dict[str, Any]) -> None:
    assert CANARY not in refusal(document)


@pytest.mark.parametrize(
    "key",
    [
        CANARY,
        f"password-{CANARY}",
        f"{CANARY}` - at `$.auth",
        f"x` - at `$.{CANARY}",
        f" - at `$.{CANARY}",
        f"Object contains unknown field `{CANARY}",
        f"passw{CANARY[:1]}rd",
    ],
)
def test_a_secret_that_was_pasted_as_a_key_is_never_quoted(key: str) -> None:
    documents: list[object] = [
        entry(**{key: ""}),
        entry({key: ""}),
        {key: CANARY},
        {"vbs-reaper": CANARY, key: ""},
        {"auth": {key: CANARY}},
        {"auth": LOGIN, "regions": {key: ""}},
        {"auth": LOGIN, "cacert": {key: ""}},
        {"clouds": {key: entry()}},
        f'{{"{key}": 1, "{key}": 2}}',
    ]
    for document in documents:
        said = refusal(document)
        assert CANARY not in said
        assert key not in said


@given(st.sampled_from(sorted(set(LOGIN) - {"user_domain_name"})), ANY_JSON.filter(lambda value: value != CANARY))
def test_a_key_of_the_wrong_kind_is_named_and_its_value_never_quoted(key: str, value: object) -> None:
    assert f"auth.{key}" in refusal(entry({key: value}))
