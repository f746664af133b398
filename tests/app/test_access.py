"""Who may use the server."""

import pytest

from ai_mixer.app.access import Access, load_token
from ai_mixer.app.serve import check_host, page_address

PORT, TOKEN = 8765, "t" * 43


def test_without_the_token_nothing_is_answered(open_client):
    with open_client(signed_in=False) as client:
        for path in ("/", "/api/info", "/api/songs", "/app.js", "/api/openapi.json"):
            answer = client.get(path)
            assert answer.status_code == 401
            assert "token" in answer.json()["error"]


def test_the_address_with_the_token_gives_a_cookie_only_for_this_port(open_client):
    with open_client(signed_in=False) as client:
        answer = client.get(f"/?token={TOKEN}", follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/"
        cookie = answer.headers["set-cookie"].lower()
        assert f"ai_mixer_{PORT}" in cookie
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert client.get("/").status_code == 200  # with the cookie


def test_a_wrong_token_is_refused(open_client):
    with open_client(signed_in=False) as client:
        assert client.get("/?token=wrong", follow_redirects=False).status_code == 401
        assert client.get("/?token=é", follow_redirects=False).status_code == 401


@pytest.mark.parametrize("host", ["evil.example:8765", "127.0.0.1:80", "127.0.0.1", ""])
def test_another_host_is_refused_even_with_the_token(client, host):
    assert client.get("/api/songs", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999"])
def test_another_origin_is_refused_even_with_the_token(client, origin):
    for method in ("GET", "POST", "DELETE", "PUT"):
        assert client.request(method, "/api/songs", headers={"origin": origin}).status_code == 403


def test_the_own_origin_is_allowed(client):
    assert client.get("/api/songs", headers={"origin": "http://127.0.0.1:8765"}).status_code == 200


def test_other_hosts_need_a_password():
    with pytest.raises(ValueError, match="--password"):
        check_host("0.0.0.0", None)
    check_host("0.0.0.0", "secret")
    check_host("127.0.0.1", None)


def test_a_password_signs_in_and_a_wrong_one_does_not(open_client, monkeypatch):
    monkeypatch.setattr("ai_mixer.app.access.WRONG_PASSWORD_DELAY_S", 0.0)
    access = Access(TOKEN, PORT, "se cret")
    with open_client(access=access, signed_in=False) as client:
        assert client.get("/api/songs").status_code == 401
        assert client.get(f"/?token={TOKEN}", follow_redirects=False).status_code == 401
        page = client.get("/")
        assert page.status_code == 401
        assert 'type="password"' in page.text
        assert client.post("/login", data={"password": "no"}).status_code == 401
        assert client.post("/login", content=b"x" * 10_000).status_code == 413
        answer = client.post("/login", data={"password": "se cret"}, follow_redirects=False)
        assert answer.status_code == 303
        assert client.get("/api/songs").status_code == 200


def test_every_answer_forbids_other_sources(client):
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_the_token_survives_a_restart_and_is_private(tmp_path):
    token = load_token(tmp_path / "token")
    assert len(token) >= 32
    assert load_token(tmp_path / "token") == token
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0


def test_the_address_has_the_token_only_without_a_password():
    assert page_address(Access("abc", 1), "127.0.0.1") == "http://127.0.0.1:1/?token=abc"
    assert "abc" not in page_address(Access("abc", 1, "p"), "0.0.0.0")
