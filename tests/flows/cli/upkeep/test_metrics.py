from tests.builders.archive import Film


def test_they_are_printed_or_written_for_a_collector(archive, ask, tmp_path):
    archive.add(Film("a"))
    file = tmp_path / "severity.prom"

    printed = ask("metrics").output
    written = ask("metrics", "--textfile", str(file))

    assert "cxr_severity_files_seen" in printed
    assert "cxr_severity_files_seen" in file.read_text()
    assert written.output == ""
