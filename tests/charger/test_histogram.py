"""A histogram as Prometheus defines one: cumulative buckets, a count and a sum."""

from exporter.charger.account import Account, Histogram


def test_an_observation_counts_in_each_bucket_up_to_whose_bound_it_is() -> None:
    histogram = Histogram((1.0, 2.0, 5.0))
    for value in (0.5, 2.0, 2.1, 7.0):
        histogram.observe(value)
    assert histogram.cumulative() == [1, 2, 3, 4]
    assert histogram.sum == 11.6


def test_the_session_histograms_have_the_documented_buckets() -> None:
    account = Account("delhi")
    kwh = [bound / 3.6e6 for bound in account.session_energy_joules.bounds]
    minutes = [bound / 60 for bound in account.session_duration_seconds.bounds]
    assert kwh == [1, 2, 5, 10, 20, 30, 40, 60, 80, 100]
    assert minutes == [5, 15, 30, 60, 120, 180, 240, 360, 480, 720, 1440]
