from tests.builders.archive import Film


def test_they_are_printed_or_written_for_a_collector(archive, ask, tmp_path):
    archive.add(Film("a"))
    file = tmp_path / "severity.prom"

    printed = ask("metrics").output
    written = ask("metrics", "--textfile", str(file))

    assert "cxr_severity_files_seen" in printed
    assert "cxr_severity_files_seen" in file.read_text()
    assert written.output == ""


def test_a_database_that_is_away_is_told_to_the_collector_too(
    archive, ask, correct, tmp_path, monkeypatch
):
    """Else the file of before would say for ever that all is well."""
    file = tmp_path / "severity.prom"
    ask("metrics", "--textfile", str(file))
    assert "cxr_severity_up 1.0" in file.read_text()

    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert correct("metrics", "--textfile", str(file)).code == 1
    assert "cxr_severity_up 0.0" in file.read_text()
    assert "cxr_severity_files_seen" not in file.read_text()
