"""Where an item's figures lie among those of held-out windows of real music."""

from bridge.views.opening import OpenViews


def percentile_of(
    view: str, views: OpenViews, length: float, value: float, suffix: str = ""
) -> tuple[float | None, list[str]]:
    """The percentile of a view's `value` among windows of about `length`, or None and why.

    suffix: behind the view's name in that of the references.
    """
    missing = views.references.missing_because(view + suffix, views.weights[view])
    if missing is not None:
        return None, [missing]
    return views.references.by_view[view + suffix].percentile(length, value), []
