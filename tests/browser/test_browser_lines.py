"""Lines that break: the page works on, says how it is, and loses nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Join
from tests.support.browser import Person, Window
from tests.support.server import ServerProcess

BLOCKED = """
const Real = window.WebSocket
window.WebSocket = class {
  constructor(url, protocols) {
    if (!localStorage.blocked) return new Real(url, protocols)
    setTimeout(() => this.onclose?.({ code: 1006, reason: '' }), 5)
  }
  close() {}
}
"""


def test_the_server_is_killed_under_them_and_comes_back(
    join: Join, server: ServerProcess, today: str
) -> None:
    ann, bob = join("ann"), join("bob")
    ann.make("Before", f"{today}T09:00:00", f"{today}T10:00:00")
    bob.sees("Before")
    ann.saved("server")
    server.kill()
    try:
        expect(ann.page.locator("[data-state][data-saved]")).not_to_have_attribute(
            "data-state", "connected"
        )
        ann.create("While it was away")
        ann.saved("here")
    finally:
        server.start()
    for window in (ann, bob):
        window.says("connected")
        window.sees("Before", "While it was away")
    ann.saved("server")


def test_a_reload_without_network_keeps_the_page_and_the_edits(
    join: Join, people: Callable[..., Person], server: ServerProcess, project: str, today: str
) -> None:
    person = people()
    ann = person.open(server.token("ann", project, name="Ann")).ready()
    ann.page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    ann.make("Before", f"{today}T09:00:00", f"{today}T10:00:00")
    ann.saved("server")
    person.context.set_offline(True)
    ann.create("Offline")
    ann.saved("here")
    ann.page.reload()
    ann.sees("Before", "Offline")
    ann.saved("here")
    ann.page.close()
    again = Window(person.context.new_page())
    again.page.goto(f"http://127.0.0.1:{server.port}/")
    again.sees("Before", "Offline")
    person.context.set_offline(False)
    again.says("connected")
    again.saved("server")
    join("bob").sees("Before", "Offline")


def test_two_people_at_one_browser_never_send_each_others_edits(
    people: Callable[..., Person], server: ServerProcess, project: str
) -> None:
    person = people()
    ann = person.open(server.token("ann", project, name="Ann")).ready()
    ann.run("project.connection.pause()")
    ann.create("Secret of Ann")
    ann.saved("here")
    ann.page.close()
    bob = person.open(server.token("bob", project, name="Bob")).ready()
    bob.saved("server")
    assert bob.titles() == []
    bob.page.close()
    back = person.open(server.token("ann", project, name="Ann")).ready()
    back.sees("Secret of Ann")
    back.saved("server")


@pytest.mark.parametrize("is_blocked", [False, True])
def test_a_page_left_open_does_not_speak_by_the_cookie_of_who_signed_in_meanwhile(
    people: Callable[..., Person], server: ServerProcess, project: str, is_blocked: bool
) -> None:
    person = people()
    if is_blocked:
        person.context.add_init_script(BLOCKED + "localStorage.blocked = '1'")
    ann = person.open(server.token("ann", project, name="Ann"))
    ann.says("connected")
    ann.run("project.connection.pause()")
    ann.create("Secret of Ann")
    ann.saved("here")
    bob = person.open(server.token("bob", project, name="Bob")).ready()
    ann.run("project.connection.resume()")
    ann.page.wait_for_function("() => workspace.getSnapshot().session.user.id === 'bob'")
    ann.ready().saved("server")
    assert (ann.titles(), bob.titles()) == ([], [])
    back = person.open(server.token("ann", project, name="Ann")).ready()
    back.sees("Secret of Ann")
    back.saved("server")


def test_long_polling_where_websocket_is_blocked_and_back(
    people: Callable[..., Person], join: Join, server: ServerProcess, project: str, today: str
) -> None:
    person = people()
    person.context.add_init_script(BLOCKED + "localStorage.blocked = '1'")
    ann = person.open(server.token("ann", project, name="Ann")).ready()
    transport = "return project.connection.getSnapshot().transport"
    assert ann.run(transport) == "polling"
    bob = join("bob")
    bob.make("By socket", f"{today}T09:00:00", f"{today}T10:00:00")
    ann.sees("By socket")
    ann.create("By poll")
    ann.saved("server")
    bob.sees("By poll")
    ann.page.evaluate("() => localStorage.removeItem('blocked')")
    ann.run("project.connection.pause(); project.connection.resume()")
    ann.says("connected")
    ann.page.wait_for_function(
        "() => workspace.getSnapshot().open[0].connection.getSnapshot().transport === 'websocket'",
        timeout=20_000,
    )


def test_a_phone_in_a_pocket_lets_go_of_the_line_and_is_back_within_a_second(
    people: Callable[..., Person], join: Join, server: ServerProcess, project: str
) -> None:
    person = people(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    # Half a minute in the background takes less here.
    person.context.add_init_script(
        "const later = setTimeout;"
        "window.setTimeout = (call, ms, ...rest) => later(call, ms === 30000 ? 50 : ms, ...rest)"
    )
    ann = person.open(server.token("ann", project, name="Ann")).ready()
    hide = """(hidden) => {
      Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    }"""
    ann.page.evaluate(hide, True)
    _wait(lambda: server.metric("room_connections", room=project) == 0)
    join("bob").create("Meanwhile")
    shown = time.monotonic()
    ann.page.evaluate(hide, False)
    ann.says("connected")
    assert time.monotonic() - shown < 1
    ann.sees("Meanwhile")


def test_a_removed_member_is_told_why_and_does_not_hammer(
    join: Join, server: ServerProcess, project: str
) -> None:
    ann = join("ann")
    server.run("projects", "members", "remove", project, "ann")
    ann.says("error")
    told = "You may not open this calendar any more."
    expect(ann.page.locator("[data-sonner-toast]").filter(has_text=told)).to_be_visible()
    ann.page.get_by_role("button", name="Connection:").click()
    expect(ann.page.get_by_role("dialog").get_by_text(told)).to_be_visible()
    closed = server.metric("connections_closed_total", code="4403")
    time.sleep(2)
    assert server.metric("connections_closed_total", code="4403") == closed


def test_a_token_runs_out_and_is_renewed_without_a_reload(
    people: Callable[..., Person], server: ServerProcess, project: str, today: str
) -> None:
    token = server.run(
        *("token", "--user", "ann", "--project", project, "--role", "editor"),
        *("--expires", "3", "--renew", "600"),
    ).strip()
    ann = people().open(token).ready()
    ann.page.evaluate("() => { window.same = true }")
    ann.page.wait_for_timeout(4500)
    ann.says("connected")
    ann.make("After", f"{today}T09:00:00", f"{today}T10:00:00")
    ann.saved("server")
    assert ann.page.evaluate("() => window.same")


def test_a_session_that_ends_keeps_the_edits_until_one_signs_in(
    people: Callable[..., Person], server: ServerProcess, project: str
) -> None:
    token = server.token("ann", project, expires_seconds=3.0)
    ann = people().open(token).ready()
    expect(ann.page.get_by_text("Your session has ended.")).to_be_visible()
    ann.page.get_by_role("button", name="Go on without the server").click()
    ann.create("Kept")
    ann.saved("here")
    ann.page.reload()
    ann.page.get_by_label("Link or token").fill(server.token("ann", project))
    ann.page.get_by_role("button", name="Sign in").click()
    ann.says("connected")
    ann.sees("Kept")
    ann.saved("server")


def test_a_backlog_shows_how_much_is_on_its_way(join: Join, today: str) -> None:
    ann = join("ann")
    ann.run("project.connection.pause()")
    for number in range(5):
        ann.make(f"Talk {number}", f"{today}T09:00:00", f"{today}T10:00:00")
    expect(ann.page.get_by_text("5 edits wait for the server")).to_be_visible()
    ann.run("project.connection.resume()")
    ann.saved("server")
    expect(ann.page.get_by_text("wait for the server")).to_have_count(0)


def test_a_hidden_project_is_left(
    people: Callable[..., Person], server: ServerProcess, project: str
) -> None:
    server.create(f"{project}-b")
    ann = people().open(server.token("ann", "*", "owner")).ready()
    for name in (project, f"{project}-b"):
        ann.page.get_by_role("checkbox", name=f"Show {name}", exact=True).check()
        _wait(lambda name=name: server.metric("room_connections", room=name) == 1)  # type: ignore[misc]
    ann.page.get_by_role("checkbox", name=f"Show {project}", exact=True).uncheck()
    _wait(lambda: server.metric("room_connections", room=project) == 0)


def _wait(check: Callable[[], bool]) -> None:
    for _ in range(200):
        if check():
            return
        time.sleep(0.02)
    pytest.fail("it did not come to that")
