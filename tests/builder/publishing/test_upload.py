from builder.publishing.upload import progress


def test_progress_says_how_much_how_fast_and_how_long():
    assert progress(12_000_000, 48_000_000, 2.0) == "12.0 of 48.0 MB, 6.0 MB/s, 6 s left"
    assert progress(48_000_000, 48_000_000, 8.0) == "48.0 of 48.0 MB, 6.0 MB/s"
    assert progress(0, 10, 0.0) == "0.0 of 0.0 MB, 0.0 MB/s"
