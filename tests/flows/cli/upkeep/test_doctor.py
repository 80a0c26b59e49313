import json


def test_it_ends_with_attention_and_says_what_to_do_first(command, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/x")
    monkeypatch.setenv("SEVERITY_PSEUDONYM_KEY", "s" * 32)

    as_json = command("doctor", "--json")
    as_text = command("doctor")

    answer = json.loads(as_json.out)
    assert (answer["schema"], answer["level"]) == ("cxr-severity.doctor/1", "problem")
    assert answer["first"]["check"] == "database"
    assert (as_json.code, as_text.code) == (3, 3)
    assert "Do this first" in as_text.out
