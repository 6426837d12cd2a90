"""Words that are looked up by a value (a class of evidence, an energy source): no text stands in the call.

Nothing reads this list at run time; extraction finds these words here. A test holds it against the values.
"""

from __future__ import annotations


def _(word: str) -> str:
    return word


EVIDENCE = (
    _("self-declared"),
    _("third-party"),
    _("audited"),
    _("published-by-law"),
    _("government-publication"),
    _("metered"),
)

KINDS_OF_DCIE = (_("measured"), _("estimated"), _("design"))

FACTOR_SCOPES = (_("direct"), _("direct and chain"), _("lifecycle"))

ENERGY_SOURCES = (
    _("coal"),
    _("gas"),
    _("oil"),
    _("nuclear"),
    _("hydro"),
    _("wind"),
    _("wind onshore"),
    _("wind offshore"),
    _("solar"),
    _("biomass"),
    _("geothermal"),
    _("other renewable"),
)
