"""The command line of Rebond: `rebond serve`, and what keeps its data in order; `rebond --help` lists them.

What one command alone needs is imported by it: the whole application takes more than two seconds.
"""

import gc
import sys
from typing import Annotated

import asyncpg
import typer
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app import __version__
from app.bundled import backup, postgres
from app.commands import data, days, get, installation, keys, late, members, serving, to_do
from app.commands.terminal import CommandRefused, line_of
from app.core.problems import Problem
from app.settings import Settings, get_settings, misspelt

app = typer.Typer(
    name="rebond",
    help="Rebond: the system of record of the Rebond industriel programme.\n\n"
    "Settings are environment variables, or lines of .env in this directory: README.md lists them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"rebond {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version, and end.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.command("serve")(serving.serve)
app.command("migrate")(data.migrate)
app.command("demo")(data.load_demo)
app.command("check")(data.check_balances)
app.command("backup")(data.save_backup)
app.command("restore")(data.restore_backup)
app.command("tick")(data.do_what_is_due)
app.command("import")(data.import_file)
app.command("openapi")(data.write_openapi)
app.command("get")(get.get)
app.command("late")(late.late)
app.command("days")(days.days)
app.command("to-do")(to_do.to_do)

keys_of = typer.Typer(help="Create, enrol, confirm, list and revoke API keys.", no_args_is_help=True)
keys_of.command("create")(keys.create_key)
keys_of.command("enrol")(keys.enrol_key)
keys_of.command("confirm")(keys.confirm_key)
keys_of.command("list")(keys.list_keys)
keys_of.command("revoke")(keys.revoke_key)
app.add_typer(keys_of, name="keys")

members_of = typer.Typer(help="List roles, and approve those that wait for it.", no_args_is_help=True)
members_of.command("list")(members.list_members)
members_of.command("approve")(members.approve_member)
app.add_typer(members_of, name="members")

secrets_of = typer.Typer(help="Renew the secrets of the installation.", no_args_is_help=True)
secrets_of.command("renew")(installation.renew_secrets)
app.add_typer(secrets_of, name="secrets")

exports = typer.Typer(help="Export data as documented files.", no_args_is_help=True)
exports.command("territory")(data.export_territory)
app.add_typer(exports, name="export")


def main() -> None:
    """The entry point: refusals are one line on stderr, with exit code 1, or the code of the refusal."""
    gc.set_threshold(50_000)  # a third of a start would go into looking through what is imported, and stays
    try:
        for name, near in misspelt():
            print(f"rebond: {name} is no setting: is it {near}?", file=sys.stderr)
        app()
    except CommandRefused as error:
        _stop(str(error), error.code)
    except (postgres.EmbeddedError, backup.BackupError) as error:
        _stop(str(error))
    except Problem as problem:
        _stop(_told(problem))
    except ValidationError as error:
        fault = error.errors()[0]
        name = "_".join(str(part) for part in fault["loc"])
        if error.title == Settings.__name__:
            name = str(fault["loc"][0])  # of a list, too
            name = name.upper() if name.upper() == "DATABASE_URL" else f"REBOND_{name.upper()}"
        _stop(f"{name} is not acceptable: {fault['msg'].removeprefix('Value error, ')}")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError) as error:
        _stop(line_of(error))


def _told(problem: Problem) -> str:
    """A problem as lines: what it is, and each of its faults, in the language of the service."""
    language = _language()
    body = problem.body(language)
    faults = [f"  {fault['pointer'] or '-'}: {fault['detail']}" for fault in body.get("errors", ())]
    return "\n".join([f"{problem.code}: {body['detail']}", *faults])


def _language() -> str:
    try:
        return get_settings().default_language
    except ValidationError:
        return "en"


def _stop(text: str, code: int = 1) -> None:
    print(f"rebond: {text}", file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
