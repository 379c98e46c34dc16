"""Readers of annotation files, COCO JSON and VOC XML, that report all problems of a file."""
