"""How hypothesis runs here: a fresh seed each time, printed with a blob that repeats a failure."""

import hypothesis

hypothesis.settings.register_profile(
    "apeitool",
    deadline=None,  # no test fails on a clock
    derandomize=False,
    print_blob=True,
    max_examples=60,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("apeitool")
