"""Average precision and recall by the COCO protocol."""
