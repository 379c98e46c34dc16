"""YOLO, YOLOv2, YOLO9000 and YOLOv3: a package per version, with shared modules `grid` and `targets`."""
