"""The site's own steps: `extensions/*.py`, Python modules whose `@step` functions belong to this site alone."""

from __future__ import annotations

import hashlib
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, ModuleType

from engine.config.load import read
from engine.config.numbers import finding
from engine.config.options import SignatureError, signature_of
from schemas.finding import Finding
from transforms.step import STEPS, StepFunction

FOLDER = "extensions"

_LOADING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Extensions:
    """The steps that the site adds, the file (`extensions/panel.py`) that each comes from, and what was found."""

    steps: Mapping[str, StepFunction] = field(default_factory=lambda: MappingProxyType({}))
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    findings: tuple[Finding, ...] = ()


def load_extensions(site: Path, known: Mapping[str, StepFunction]) -> Extensions:
    """Run every file of the site's `extensions/`, in the order of their names, and collect their steps.

    A step may not take the name of one in `known`. A file that raises adds nothing and is a finding at the line that
    raised. Each file runs under a private module name; the engine's own register of steps is left as it was.
    """
    steps: dict[str, StepFunction] = {}
    files: dict[str, str] = {}
    findings: list[Finding] = []
    for path in sorted((site / FOLDER).glob("*.py")):
        where = f"{FOLDER}/{path.name}"
        made, problem = _run(path, where)
        if problem is not None:
            findings.append(problem)
        for name, function in made.items():
            line = _line(function)
            if name in known or name in steps:
                other = files.get(name, "the engine")
                findings.append(finding("HIE214", f"{where}:{line}", f"{other} already has a step {name!r}"))
                continue
            try:
                signature_of(function)
            except SignatureError as error:
                findings.append(finding("HIE215", f"{where}:{line}", f"{name}: {error}"))
                continue
            steps[name] = function
            files[name] = where
    return Extensions(MappingProxyType(steps), MappingProxyType(files), tuple(findings))


def _run(path: Path, where: str) -> tuple[dict[str, StepFunction], Finding | None]:
    content, problem = read(path, where)
    if problem is not None:
        return {}, problem
    try:
        code = compile(content, str(path), "exec")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        return {}, finding("HIE213", f"{where}:{line}", f"{type(error).__name__}: {getattr(error, 'msg', error)}")
    name = f"hie_site_{hashlib.sha256(str(path.absolute()).encode() + content).hexdigest()[:16]}_{path.stem}"
    module = ModuleType(name)
    module.__file__ = str(path)
    with _LOADING:
        before, module_before = dict(STEPS), sys.modules.get(name)
        sys.modules[name] = module  # dataclasses and pydantic look a class's module up there
        try:
            exec(code, module.__dict__)  # noqa: S102 - the site's own code, as trusted as the engine's
            new = {step: function for step, function in STEPS.items() if before.get(step) is not function}
            own = {step: function for step, function in new.items() if function.__module__ == name}
            before.update({step: function for step, function in new.items() if step not in own})
        except (Exception, SystemExit) as error:
            if module_before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module_before
            return {}, finding("HIE213", f"{where}:{_raised_at(error, path)}", f"{type(error).__name__}: {error}")
        finally:
            STEPS.clear()
            STEPS.update(before)
    return own, None


def _raised_at(error: BaseException, path: Path) -> int:
    lines = [frame.lineno or 1 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else 1


def _line(function: StepFunction) -> int:
    code = getattr(function, "__code__", None)
    return code.co_firstlineno if code is not None else 1
