"""The resident's screens: search, sign-in, form with errors, attachments, 引越し, receipt, and what they never do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.mock_services.portal_support import PDF, portal, with_portal
from tests.mock_services.support import DANTAI, OTHER_DANTAI, InProcess, asgi_client, window


@pytest.fixture
def world(tmp_path: Path) -> Iterator[InProcess]:
    found = with_portal(tmp_path)
    yield found
    found.world.recorder.close()


@pytest.fixture
def browser(world: InProcess) -> Iterator[httpx.Client]:
    with asgi_client(portal(world).doors()["portal-screen"]) as client:
        client.follow_redirects = True
        yield client


def sign_in(browser: httpx.Client, number: int = 0) -> None:
    assert browser.post("/sign-in", data={"number": str(number), "next": "/"}).status_code == 200


def fill(browser: httpx.Client, procedure: str, **changes: str) -> httpx.Response:
    """Take the form as it is drawn, fill in what is empty, and go on."""
    page = browser.get(f"/apply/{DANTAI}/{procedure}").text
    data = {"applicant_kind": "self", "action": "check"}
    for tag in re.findall(r"<(?:input|textarea)[^>]*>", page):
        parts = dict(re.findall(r'(name|type|value)="([^"]*)"', tag))
        name, kind = parts.get("name", ""), parts.get("type", "")
        if name and name != "applicant_kind" and kind != "checkbox":
            data[name] = parts.get("value") or {"date": "2026-10-01", "tel": "090-0000-0000"}.get(kind, "テスト")
            if 'inputmode="numeric"' in tag:
                data[name] = "000-0000" if "postal" in name else "3"
    for name, options in re.findall(r'<select id="([^"]+)"(.*?)</select>', page, re.S):
        data[name] = re.findall(r"<option[^>]*>([^<]+)</option>", options)[1]
    return browser.post(f"/apply/{DANTAI}/{procedure}", data=data | changes)


def test_a_procedure_is_found_by_a_word(browser: httpx.Client) -> None:
    page = browser.get("/", params={"town": DANTAI, "q": "粗大ごみ"}).text
    assert "1 件の手続" in page
    assert f'href="/apply/{DANTAI}/S02"' in page
    assert "当てはまる手続がありません" in browser.get("/", params={"q": "無い手続"}).text


def test_whoever_is_not_signed_in_signs_in_first_and_comes_back(browser: httpx.Client) -> None:
    page = browser.get(f"/apply/{DANTAI}/K06")
    assert str(page.url).endswith(f"/sign-in?next=/apply/{DANTAI}/K06")
    back = browser.post("/sign-in", data={"number": "0", "next": f"/apply/{DANTAI}/K06"})
    assert back.url.path == f"/apply/{DANTAI}/K06"


def test_a_foreign_address_is_never_followed(browser: httpx.Client) -> None:
    for bad in ("https://evil.test/", "//evil.test/", "/\\evil.test"):
        assert browser.post("/sign-in", data={"number": "0", "next": bad}).url.path == "/"
        assert "evil" not in browser.get("/sign-in", params={"next": bad}).text


def test_a_forged_cookie_signs_nobody_in(browser: httpx.Client) -> None:
    browser.cookies.set("resident", "0.deadbeef")
    assert browser.get("/receipts").url.path == "/sign-in"
    browser.cookies.set("resident", "x")
    assert browser.get("/receipts").url.path == "/sign-in"


def test_the_card_fills_in_who_one_is(browser: httpx.Client, world: InProcess) -> None:
    sign_in(browser)
    resident = portal(world).store.people.persons[0].resident
    page = browser.get(f"/apply/{DANTAI}/K01").text
    assert f'value="{resident.name}"' in page
    assert f'value="{resident.birth_date.isoformat()}"' in page


def test_errors_are_listed_and_lead_to_their_field(browser: httpx.Client) -> None:
    sign_in(browser)
    page = fill(browser, "K01", claimant_kana="ひらがな", phone="x")
    assert page.status_code == 200
    assert "2 か所を直してください" in page.text
    assert 'href="#claimant_kana"' in page.text
    assert 'aria-invalid="true" aria-describedby="claimant_kana-hint claimant_kana-error"' in page.text
    assert 'value="ひらがな"' in page.text


def test_a_repeated_group_grows_and_shrinks(browser: httpx.Client) -> None:
    sign_in(browser)
    page = fill(browser, "K01", action="add:children").text
    assert "児童（2）" in page
    assert 'name="count-children" value="2"' in page
    page = fill(browser, "K01", action="remove:children").text
    assert "児童（2）" not in page


def test_an_application_goes_all_the_way(browser: httpx.Client, world: InProcess) -> None:
    sign_in(browser)
    draft = fill(browser, "K01")
    assert draft.url.path.startswith("/drafts/")
    refused = browser.post(f"{draft.url.path}/submit", data={"sign": "1"})
    assert "健康保険の資格が分かる書類の写し」を添付してください" in refused.text
    added = browser.post(
        f"{draft.url.path}/files",
        data={"label": "健康保険の資格が分かる書類の写し"},
        files={"file": ("C:\\dir\\保険証.pdf", PDF, "application/pdf")},
    )
    assert "保険証.pdf" in added.text
    unsigned = browser.post(f"{draft.url.path}/submit", data={})
    assert "電子署名が要ります" in unsigned.text
    done = browser.post(f"{draft.url.path}/submit", data={"sign": "1"})
    assert "申請を受け付けました" in done.text
    rows = world.logged_in().get("/api/v1/applications", params=window()).json()["items"]
    assert [one["receiptNo"] for one in rows] == [done.url.path.rpartition("/")[2]]
    assert browser.get(draft.url.path).url.path == done.url.path
    world.world.applications.set_status(DANTAI, rows[0]["receiptNo"], "correction", "書類が足りません")
    assert "書類が足りません" in browser.get(done.url.path).text
    assert "要訂正" in browser.get("/receipts").text


def test_a_wrong_file_is_said_and_not_kept(browser: httpx.Client) -> None:
    sign_in(browser)
    draft = fill(browser, "K06").url.path
    page = browser.post(f"{draft}/files", data={"label": "x"}, files={"file": ("a.exe", b"MZ", "x/y")})
    assert (page.status_code, "添付できません" in page.text) == (400, True)
    page = browser.post(f"{draft}/files", data={"label": "x"})
    assert (page.status_code, "ファイルを選んでください" in page.text) == (400, True)
    assert "まだありません" in browser.get(draft).text


def test_moving_out_with_a_reservation_reaches_two_towns(browser: httpx.Client, world: InProcess) -> None:
    sign_in(browser)
    draft = fill(browser, "M01")
    assert "転入予約も一緒に行う" in draft.text
    values = {"sign": "1", "new_town": OTHER_DANTAI, "visit_date": "2026-10-20"}
    refused = browser.post(f"{draft.url.path}/submit", data=values | {"visit_date": ""})
    assert refused.status_code == 422
    assert world.logged_in().get("/api/v1/applications", params=window()).json()["total"] == 0
    done = browser.post(f"{draft.url.path}/submit", data=values)
    assert done.text.count("受付番号</p>") == 2
    towns = {one.procedure.id: one.dantai_code for one in portal(world).store.receipts("resident/0")}
    assert towns == {"M01": DANTAI, "M02": OTHER_DANTAI}
    assert "予約だけでは転入になりません" in done.text


def test_anothers_draft_and_receipt_are_not_there(browser: httpx.Client) -> None:
    sign_in(browser)
    draft = fill(browser, "K06").url.path
    receipt = browser.post(f"{draft}/submit", data={"sign": "1"}).url.path
    sign_in(browser, 1)
    for path in (draft, receipt, "/drafts/x", "/receipts/x", "/nowhere", "/apply/000000/K01"):
        assert browser.get(path).status_code == 404


def test_a_form_from_another_site_is_refused(browser: httpx.Client) -> None:
    sign_in(browser)
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200)):
        page = browser.post("/sign-in", data={"number": "0"}, headers={"Sec-Fetch-Site": site})
        assert page.status_code == status


def test_what_a_resident_types_is_never_markup(browser: httpx.Client) -> None:
    sign_in(browser)
    page = fill(browser, "K06", **dict.fromkeys(("claimant_name", "remarks", "name"), "<script>alert(1)</script>"))
    assert "<script>" not in page.text


@pytest.mark.parametrize("path", ["/", "/sign-in", f"/apply/{DANTAI}/K01", "/receipts"])
def test_every_page_is_accessible_in_its_basics(browser: httpx.Client, path: str) -> None:
    sign_in(browser)
    answer = browser.get(path)
    page = answer.text
    assert "script" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert '<html lang="ja">' in page
    assert page.count("<h1") == 1
    assert 'name="viewport"' in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', page))
    fields = re.findall(r'<(?:input|select|textarea)(?![^>]*type="hidden")[^>]* id="([^"]+)"', page)
    assert set(fields) <= labelled
    assert "<script" not in page
