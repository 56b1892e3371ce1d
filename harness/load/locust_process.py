"""
The load process: ``python -m locust`` with two differences.

- Only the command line configures it. Locust also reads ``locust.conf``, ``~/.locust.conf`` and
  ``pyproject.toml``, and accepts ``--run-t`` for ``--run-time``: each can end a plan early.
- The working directory comes last on the import path, so that a ``random.py`` there replaces
  nothing. The scenario's directory comes first during the scenario's import, and then last.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from locust import argument_parser, main
from locust.util.load_locustfile import is_shape_class, is_user_class

import harness.load.arrow_only  # before pyarrow makes an array
import harness.load.user  # noqa: F401  before a scenario's directory is on the path


class _CommandLineParser(argument_parser.LocustArgumentParser):
    """Locust's parser without configuration files and abbreviations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "default_config_files": (), "allow_abbrev": False})


def load_scenario(path: str) -> tuple[dict[str, type[Any]], list[Any]]:
    """
    Import a Locust file, as Locust's ``load_locustfile`` does: user classes by name, load shapes.

    A file with the name of an imported module gets another module name, so that a scenario
    called ``json.py`` replaces nothing.
    """
    directory, name = str(Path(path).parent), Path(path).stem
    if name in sys.modules:
        name = f"locustfile_{name}"
    spec = spec_from_file_location(name, path)
    assert spec is not None  # Locust has seen that it is a .py file
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    sys.path.insert(0, directory)
    spec.loader.exec_module(module)
    with suppress(ValueError):  # the scenario may have changed the path
        sys.path.remove(directory)
    sys.path += [each for each in (directory, str(Path.cwd())) if each not in sys.path]
    found = vars(module)
    users = {key: value for key, value in found.items() if is_user_class(value)}
    return users, [value() for value in found.values() if is_shape_class(value)]


if __name__ == "__main__":
    argument_parser.LocustArgumentParser = _CommandLineParser
    main.load_locustfile = load_scenario
    main.main()
