"""Readers of other people's annotations, COCO's JSON and VOC's XML: they name all that is wrong."""
