"""Average precision by the rules of PASCAL VOC."""

from cvbench.spec.moved import forwarding

__getattr__ = forwarding(__name__, "cvbench.metrics.voc.metric")
