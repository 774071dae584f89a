"""The exporter's own counters."""

from exporter.charger.process_stats import ExporterProcess


def test_a_response_is_counted_by_its_code_or_as_other() -> None:
    process = ExporterProcess("1", "2", "3")
    for status in (200, 200, 429, 418):
        process.count_answer(status)
    assert {code: count for code, count in process.http_answers.items() if count} == {"200": 2, "429": 1, "other": 1}
