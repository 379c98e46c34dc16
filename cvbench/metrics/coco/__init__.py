"""Average precision and recall by the COCO protocol."""

from cvbench.spec.moved import forwarding

__getattr__ = forwarding(__name__, "cvbench.metrics.coco.metric")
