"""Resources checked by two validators that others wrote: structure by fhir.resources, the rest by pyrofile-validator.

The second needs the definitions of FHIR R4 and US Core, which do not ship: `HIE_FHIR_DEFINITIONS`, or
`../shared/validators/fhir` beside the checkout. Its false alarms are named one by one in `false_alarms.csv`.
"""

from __future__ import annotations

import contextlib
import csv
import fnmatch
import io
import json
import os
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError
from pyrofile_validator import Validator
from pyrofile_validator.config import ValidatorConfig

from tests.corpus.inputs import ROOT

DEFINITIONS = Path(os.environ.get("HIE_FHIR_DEFINITIONS") or ROOT.parent / "shared" / "validators" / "fhir")
PACKAGES = ("hl7.fhir.r4.core.tgz", "us_core_610.tgz")
FALSE_ALARMS = Path(__file__).with_name("false_alarms.csv")
_INDEX = re.compile(r"\[\d+\]|\.\d+(?=\.|$)")


class Failure(NamedTuple):
    """What a validator says against a resource: who, which rule, where (without indexes) and its words."""

    validator: str
    code: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.validator} {self.code} {self.path}: {self.message}"


def has_definitions() -> bool:
    """Whether the profile-aware validator can be used."""
    return all((DEFINITIONS / name).exists() for name in PACKAGES)


def structure(resource: Any) -> list[Failure]:
    """What fhir.resources (its R4B classes, which hold R4) says against a resource."""
    name = resource["resourceType"]
    try:
        get_fhir_model_class(name).model_validate(resource)
    except ValidationError as invalid:
        found = [
            Failure("fhir.resources", str(each["type"]), _path(name, each["loc"]), str(each["msg"])[:120])
            for each in invalid.errors()
        ]
        return [each for each in found if not is_false_alarm(each)]
    except (KeyError, LookupError, ValueError) as unknown:
        return [Failure("fhir.resources", "type", name, str(unknown)[:120])]
    return []


def profile(resource: Any) -> list[Failure]:
    """What pyrofile-validator says against a resource, less the alarms that are known to be false."""
    with contextlib.redirect_stdout(io.StringIO()):
        errors = _validator().validate_resource(resource).errors
    found = [
        Failure("pyrofile", str(each.code), _INDEX.sub("", str(each.path)), str(each.message)[:120])
        for each in errors
        if not (str(each.code).endswith("cardinality.min") and says_why(resource, str(each.path)))
    ]
    return [each for each in found if not is_false_alarm(each)]


def says_why(resource: Any, path: str) -> bool:
    """Whether wherever the element at `path` has no value it has an extension that says why (FHIR R4 2.6.2).

    The validator counts a primitive element by its value alone.
    """
    *outer, name = _INDEX.sub("", path).split(".")[1:]
    holders = [resource]
    for step in outer:
        found = [each.get(step) for each in holders if isinstance(each, dict)]
        holders = [one for each in found for one in (each if isinstance(each, list) else [each]) if one]
    missing = [each for each in holders if isinstance(each, dict) and name not in each]
    return bool(missing) and all(each.get(f"_{name}", {}).get("extension") for each in missing)


def is_false_alarm(failure: Failure) -> bool:
    """Whether `false_alarms.csv` names the failure, by code, path and, where it says so, words."""
    return any(
        failure.validator == validator
        and failure.code == code
        and fnmatch.fnmatchcase(failure.path, path)
        and fnmatch.fnmatchcase(failure.message, words)
        for validator, code, path, words in _alarms()
    )


@cache
def _alarms() -> tuple[tuple[str, str, str, str], ...]:
    with FALSE_ALARMS.open(newline="") as lines:
        return tuple(
            (row["validator"], row["code"], row["path"], row["message"] or "*") for row in csv.DictReader(lines)
        )


@cache
def _validator() -> Validator:
    folder = Path(tempfile.mkdtemp(prefix="hie-validity-"))
    settings = folder / "settings.json"
    settings.write_text(
        json.dumps(
            {
                "fhirVersion": "4.0.1",
                "backend": "native",
                "packages": [],
                "profiles": {},
                "terminology": {"mode": "local"},
                "localPackagePaths": [str(DEFINITIONS / name) for name in PACKAGES],
                "evidenceOutputDir": str(folder),
            }
        )
    )
    return Validator(ValidatorConfig.load(str(settings)))


def _path(name: str, location: tuple[int | str, ...]) -> str:
    return ".".join((name, *(str(each) for each in location if isinstance(each, str))))
