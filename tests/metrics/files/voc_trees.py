"""A small VOCdevkit tree with the files of a detector."""

OBJECT = (
    "<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>{}</xmin><ymin>{}</ymin>"
    "<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
)


def write_voc(folder, objects, detections, image_set="test"):
    """Objects: image → [(class, difficult, x1, y1, x2, y2)]; detections: class → lines. Gives both paths."""
    root = folder / "VOC2007"
    for part in ("Annotations", "ImageSets/Main"):
        (root / part).mkdir(parents=True, exist_ok=True)
    (root / "ImageSets/Main" / f"{image_set}.txt").write_text("".join(f"{name}\n" for name in objects))
    for image, things in objects.items():
        inside = "".join(OBJECT.format(*thing) for thing in things)
        (root / "Annotations" / f"{image}.xml").write_text(f"<annotation>{inside}</annotation>")
    results = folder / "results"
    results.mkdir(exist_ok=True)
    for name, lines in detections.items():
        (results / f"comp4_det_{image_set}_{name}.txt").write_text("".join(f"{line}\n" for line in lines))
    return results, root


OBJECTS = {
    "000001": [("dog", 0, 1, 1, 10, 10), ("dog", 1, 101, 101, 110, 110)],
    "000002": [("dog", 0, 1, 1, 10, 10), ("cat", 0, 51, 51, 60, 60)],
}
DETECTIONS = {
    "dog": [
        "000001 0.9 1 1 10 10",
        "000001 0.8 101 101 110 110",
        "000002 0.7 71 71 80 80",
        "000002 0.6 1 1 10 5",
    ]
}
