"""
Invented names that look like a customer's: projects, sites, scrapers, page elements.

Sites are under ``.example`` (RFC 2606), so no payload names a real one. The name for number n
is a pure function of (seed, n).
"""

from __future__ import annotations

from itertools import product

_MASK = (1 << 64) - 1

_TEAMS = (
    "acme", "northwind", "globex", "initech", "umbrella", "hooli", "vandelay", "wonka",
    "stark", "wayne", "tyrell", "cyberdyne", "soylent", "oceanic", "bluth", "dunder",
)  # fmt: skip
_JOBS = (
    "checkout", "price-watch", "inventory", "onboarding", "invoices", "job-board",
    "listings", "claims", "flights", "hotels", "grants", "permits", "payroll", "tickets",
    "leads", "news", "reviews", "shipping", "returns", "auctions", "rentals", "filings",
    "catalog", "support",
)  # fmt: skip
_HOSTS = ("www", "shop", "app", "portal", "my", "search", "secure", "m")
_SITES = (
    "harbor-outfitters", "brightleaf-market", "cobalt-air", "summit-insurance",
    "paperplane", "quarry-hardware", "lanternbooks", "fjord-travel", "copperkettle",
    "evergreen-health", "tidewater-bank", "orchard-grocer", "basalt-logistics",
    "papertrail-legal", "sunlit-homes", "redwood-energy", "driftwood-rentals",
    "marigold-beauty", "granite-auto", "silverline-rail", "foxglove-pharmacy",
    "beacon-jobs", "meadowlark-pets", "ironbridge-tools",
)  # fmt: skip
_VERBS = ("scrape", "monitor", "export", "collect", "audit", "sync", "track", "extract")
_NOUNS = (
    "prices", "products", "orders", "invoices", "reviews", "listings", "statements",
    "job-posts", "flight-offers", "room-rates", "claims", "permits", "rankings",
    "stock-levels", "contacts", "headlines", "coupons", "shipments", "filings", "menus",
    "events", "tenders", "grants", "fees",
)  # fmt: skip
ELEMENTS = (
    ("button", "submit"), ("button", "add to cart"), ("button", "next page"),
    ("a", "sign in"), ("a", "download invoice"), ("a", "details"), ("input", "search"),
    ("input", "email"), ("input", "postal code"), ("select", "country"),
    ("select", "sort order"), ("span", "price"), ("span", "stock status"),
    ("h2", "product title"), ("div", "results"), ("li", "first result"), ("td", "total"),
    ("img", "thumbnail"), ("label", "newsletter"), ("textarea", "message"),
)  # fmt: skip

NAMESPACES = tuple(f"{team}-{job}" for team, job in product(_TEAMS, _JOBS))
"""384 projects."""
ORIGINS = tuple(f"https://{host}.{site}.example" for host, site in product(_HOSTS, _SITES))
"""192 http origins."""
SLUGS = tuple(f"{verb}-{noun}" for verb, noun in product(_VERBS, _NOUNS))
"""192 scrapers."""

MODELS = ("gpt-5.1", "gpt-5.1-mini", "claude-sonnet-4-5", "gemini-2.5-pro")

SDK_METHODS = (
    "click", "hover", "input", "select", "scroll", "getElementText", "getElementValue",
    "getElementAttributes", "getElementBoundingBox", "extract",
)  # fmt: skip
"""The methods whose selectors the SDK caches."""


def mix64(seed: int, number: int) -> int:
    """
    Spread (seed, number) over 64 bits; for one seed, two numbers never collide.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014
    (SplitMix64), a bijection of the 64-bit integers.
    """
    z = (number + 0x9E3779B97F4A7C15 * (seed + 1)) & _MASK
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & _MASK
    return z ^ z >> 31
