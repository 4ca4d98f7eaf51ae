"""What all tests share."""

from hypothesis import settings

# How long an example takes depends on what else the machine does; tests about speed measure it themselves.
settings.register_profile("glassbook", deadline=None)
settings.load_profile("glassbook")
