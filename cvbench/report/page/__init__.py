"""One page that holds everything: HTML without a single address outside of itself."""

from cvbench.report.page.building import html_page

__all__ = ["html_page"]
