"""Addresses of PostgreSQL: what is taken, what is refused, and that no password is ever shown."""

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import libpq
from app.core.db import SESSION, create_engine
from app.libpq import address


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://u:p@h/d", "postgresql://u@h/d"),
        ("postgresql+asyncpg://u:p@h/d", "postgresql://u@h/d"),
        ("postgresql:///d?host=/run/postgresql&password=p", "postgresql:///d?host=/run/postgresql"),
        ("postgresql://u:p%40q@a:5432,b:5433/d?target_session_attrs=primary",
         "postgresql://u@a:5432,b:5433/d?target_session_attrs=primary"),
        ("postgresql://[::1]:5432/d?ssl=require", "postgresql://[::1]:5432/d?sslmode=require"),
        ("postgresql://h/d?keepalives=1&tcp_user_timeout=5&gssencmode=disable&channel_binding=prefer",
         "postgresql://h/d"),
        ("postgresql://h/d?options=-c%20work_mem%3D8MB&fallback_application_name=night",
         "postgresql://h/d?application_name=night&options=-c%20work_mem%3D8MB"),
        ("postgresql://h/d?sslkey=/k&sslpassword=p", "postgresql://h/d?sslkey=/k"),
        ("postgresql://", "postgresql://"),
    ],
)  # fmt: skip
def test_what_libpq_takes_is_taken_and_shown_without_the_password(text: str, shown: str) -> None:
    read = address(text)
    named, _, of = shown.partition("?")
    assert read.shown.partition("?")[0] == named
    assert set(read.shown.partition("?")[2].split("&")) == set(of.split("&"))
    assert address(read.shown).shown == read.shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mysql://h/d", "postgresql://"),
        ("h/d", "postgresql://"),
        ("postgresql://u:se#cret@h/d", "%23"),
        ("postgresql://u:se@cret@h/d", "%40"),
        ("postgresql://u:se/cret@h/d", "%2F"),
        ("postgresql://u:12/cret@h/d", "%2F"),
        ("postgresql://u:se?cret@h/d", "%3F"),
        ("postgresql://h:cret/d", "port"),
        ("postgresql://h:70000/d", "port"),
        ("postgresql://h:٣/d", "port"),
        ("postgresql://::1/d", "brackets"),
        ("postgresql://h/d?cret", "name=value"),
        ("postgresql://h/d?password=se&cret", "%26"),
        ("postgresql://h/d?Cret=1", "not libpq's"),
        ("postgresql://h/d?search_path=x", "search_path"),
        ("postgresql://h/d?channel_binding=require", "channel_binding"),
        ("postgresql://h/d?gssencmode=require", "gssencmode"),
        ("postgresql://h/d?client_encoding=latin1", "client_encoding"),
        ("postgresql://h/d?connect_timeout=soon", "connect_timeout"),
    ],
)
def test_what_is_no_address_is_told_without_what_it_holds(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as refused:
        address(text)
    assert told in str(refused.value)
    assert "cret" not in str(refused.value).lower()


@given(st.text(st.sampled_from("Zq9:@/?#&=%+[],. é"), min_size=1, max_size=12))
def test_no_password_is_shown_however_it_is_written(password: str) -> None:
    """Each letter of it is one that nothing else of the address has."""
    secret = f"Zq9{password}Zq9"
    for text in (f"postgresql://u:{secret}@h/d", f"postgresql://u@h/d?password={secret}"):
        try:
            read = address(text)
            said = f"{read.shown} {read!r}"
        except ValueError as error:
            said = str(error)
        assert "Zq9" not in said


@pytest.mark.parametrize(("given", "seconds"), [("10", 10.0), ("1", 2.0), ("0", None), ("-1", None), ("", None)])
def test_connect_timeout_is_libpqs(given: str, seconds: float | None) -> None:
    assert address(f"postgresql://h/d?connect_timeout={given}").timeout == seconds


async def test_a_session_has_what_bounds_it_and_what_the_address_says(database_url: str) -> None:
    of = address(database_url)
    asked = "application_name=mine&options=-c%20work_mem%3D8MB&connect_timeout=3&target_session_attrs=primary"
    engine = create_engine(f"{of.dsn}&{asked}", pool_size=1)
    try:
        async with engine.connect() as connection:
            held = {**SESSION, "application_name": "mine", "work_mem": "8MB"}
            for name, wanted in held.items():
                assert (await connection.exec_driver_sql(f"SHOW {name}")).scalar_one() == wanted
    finally:
        await engine.dispose()


async def test_the_next_host_is_asked_where_one_does_not_answer_or_is_not_what_is_wanted(database_url: str) -> None:
    of = address(database_url)
    socket = of.dsn.partition("host=")[2].partition("&")[0]
    both = of.dsn.replace(f"host={socket}", f"host=/nowhere,{socket}")
    connection = await address(f"{both}&target_session_attrs=read-write").connection()
    await connection.close()
    with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
        await address(f"{of.dsn}&target_session_attrs=standby").connection()


async def test_a_session_that_cannot_be_set_is_not_left_open(database_url: str) -> None:
    of = address(database_url)
    watching = await of.connection()
    try:
        with pytest.raises(asyncpg.UndefinedObjectError):
            await libpq.address(f"{of.dsn}&application_name=unset").connection({"no_such_setting": "1"})
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'unset'"
        for _ in range(100):
            if not await watching.fetchval(count):
                break
        else:
            pytest.fail("the session is still open")
    finally:
        await watching.close()
