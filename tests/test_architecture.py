"""The rules of the house, kept true: layers, sizes, names, clean tools, and a README that says what there is."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from tests.once import once

ROOT = Path(__file__).resolve().parent.parent
APPS = ("tracker", "plex_integration", "tvshows")
MOST_LINES = 350  # of a module
MOST_LINES_OF_A_FUNCTION = 40
NAMES_OF_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc"}
README = (ROOT / "README.md").read_text()
ENV_EXAMPLE = (ROOT / ".env.example").read_text()


def modules() -> Iterator[Path]:
    """The product's own modules."""
    for app in APPS:
        yield from (path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def chapter(title: str) -> str:
    """A chapter of the README, without its heading."""
    return re.split(r"(?m)^## ", README.partition(f"\n## {title}\n")[2])[0]


def first_cells(text: str) -> set[str]:
    """What stands in code in the first column of the tables."""
    return set(re.findall(r"(?m)^\| `([^`]+)`", text))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A tool of this Python, on the whole project, in a process of its own."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )


def test_the_project_knows_plex_plex_knows_shows_and_never_the_other_way_round():
    lint_imports = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    result = run("-c", lint_imports, "--no-cache")
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


def test_the_domain_never_says_plex_in_its_code():
    """But for the columns of the contract, the name of a source, and the migrations."""
    allowed = {"plex_synced", "plex_last_sync", "PLEX", "plex", "idx_tvshows_plex_synced"}
    texts = {path: path.read_text() for path in modules() if path.is_relative_to(ROOT / "tvshows")}
    for path in (path for path, text in texts.items() if "plex" in text.lower()):  # all others say it nowhere
        tree = ast.parse(texts[path])
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        said = {name for name in names if "plex" in name.lower()} - allowed
        assert not said, f"{named(path)}: {said}"


def test_a_module_is_named_for_what_it_owns_and_is_no_longer_than_it_should_be():
    for path in modules():
        assert not NAMES_OF_NOTHING & {path.stem, *path.relative_to(ROOT).parts}, named(path)
        assert len(path.read_text().splitlines()) <= MOST_LINES, named(path)


def test_no_module_of_the_tests_has_a_name_of_nothing():
    assert not {named(path) for path in (ROOT / "tests").rglob("*.py") if path.stem in NAMES_OF_NOTHING}


def functions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions of a module; none is in an expression, and most of a tree is expressions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
        if not isinstance(child, ast.expr):
            yield from functions(child)


def test_no_function_is_longer_than_it_should_be():
    seen = 0
    for path in (*modules(), ROOT / "manage.py"):
        for one in functions(ast.parse(path.read_text())):
            lines = (one.end_lineno or one.lineno) - one.lineno + 1
            assert lines <= MOST_LINES_OF_A_FUNCTION, f"{named(path)}: {one.name} has {lines} lines"
            seen += 1
    assert seen > 1000


@once
@pytest.mark.slow
def test_ruff_finds_nothing():
    result = run("-m", "ruff", "check", "--no-cache", ".")
    assert result.returncode == 0, result.stdout


@once
@pytest.mark.slow
def test_mypy_finds_nothing():
    result = run("-m", "mypy", "--cache-dir=/dev/null")
    assert result.returncode == 0, result.stdout


def settings_read() -> set[str]:
    """The names of the variables that the settings read."""
    tree = ast.parse((ROOT / "tracker" / "settings.py").read_text())
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    of_env = (call for call in calls if isinstance(call.func.value, ast.Name) and call.func.value.id == "env")
    return {call.args[0].value for call in of_env if call.args and isinstance(call.args[0], ast.Constant)}


def test_every_setting_is_in_the_example_and_the_other_way_round():
    assert set(re.findall(r"(?m)^#? ?([A-Z][A-Z_]+)=", ENV_EXAMPLE)) == settings_read()


def test_every_setting_has_a_line_that_explains_it_in_the_example():
    lines = ENV_EXAMPLE.splitlines()
    for number, line in enumerate(lines):
        if re.match(r"#? ?[A-Z][A-Z_]+=", line):
            above = lines[number - 1] if number else ""
            assert re.match(r"# \S", above), f"{line} has no explanation above it"


def test_every_setting_is_in_the_readme_and_the_other_way_round():
    assert first_cells(chapter("Settings")) == settings_read()


def own_commands() -> set[str]:
    """The commands that manage.py has from this project."""
    return {name for name, app in get_commands().items() if app in APPS}


def test_every_command_is_in_the_readme_and_the_other_way_round():
    assert {line.split()[0] for line in first_cells(chapter("Commands"))} == own_commands()


@pytest.mark.parametrize("name", sorted(own_commands()))
def test_a_command_and_its_options_are_explained(name):
    command = load_command_class(get_commands()[name], name)
    assert command.help
    parser = command.create_parser("manage.py", name)
    documented = " ".join(line for line in first_cells(chapter("Commands")) if line.split()[0] == name)
    own = [action for action in parser._actions if action.option_strings and not _is_djangos(action.option_strings)]
    for action in own:
        assert action.help, f"{name} {action.option_strings} has no help"
        assert any(option in documented for option in action.option_strings), (
            f"README: {name} {action.option_strings} is not in the table of commands"
        )


def _is_djangos(options: list[str]) -> bool:
    """Whether Django gives the option to every command."""
    return bool({"--help", "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color",
                 "--force-color", "--skip-checks"} & set(options))
