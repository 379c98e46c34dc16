"""YOLO, YOLO9000 and YOLOv3: a package per paper, over one grid and one way to assign targets."""
