import pytest

from carbonprint.errors import InvalidQuantityError
from carbonprint.intensity.carbon_intensity import Accounting, CarbonIntensity, FactorScope, IntensityTerm
from carbonprint.provenance import Source

SOURCE = Source(title="a table", year=2024)


def make(g_per_kwh=100.0, half_width_90=0.1, parts=()):
    return CarbonIntensity(
        g_per_kwh=g_per_kwh,
        accounting=Accounting.LOCATION,
        scope=FactorScope.LIFECYCLE,
        year=2024,
        zone="NLD",
        set_id="ember",
        source=SOURCE,
        half_width_90=half_width_90,
        parts=parts,
    )


def term(g_per_kwh):
    return IntensityTerm(key="lifecycle/wind", g_per_kwh=g_per_kwh, half_width_90=0.1, source=SOURCE)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_what_no_intensity_can_be_is_refused(bad):
    with pytest.raises(InvalidQuantityError):
        make(g_per_kwh=bad)
    with pytest.raises(InvalidQuantityError):
        make(half_width_90=bad)
    with pytest.raises(InvalidQuantityError):
        term(bad)


def test_a_published_figure_is_its_only_term():
    (only,) = make().terms
    assert only.key == "ember/NLD/2024"
    assert (only.g_per_kwh, only.half_width_90) == (100.0, 0.1)


def test_parts_add_up_to_the_figure():
    assert make(parts=(term(40.0), term(60.0))).terms == (term(40.0), term(60.0))
    with pytest.raises(InvalidQuantityError, match="add up to 90, not to 100"):
        make(parts=(term(40.0), term(50.0)))
