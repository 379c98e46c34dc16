"""Networks that train in milliseconds, and data they can learn from."""

import torch
import torch.nn.functional as F
from torch import nn

from cvbench.errors import DataError
from cvbench.record import Passport
from cvbench.spec.cell import Augment
from cvbench.values import ClassScores, Detections, Preprocessing, Sample

STILL = Augment(mirror=False)


class Shades:
    """Dark and bright images of noise, by turns; half bright, half dark ones at that."""

    classes = ("dark", "bright")
    task = "classification"

    def __init__(self, count=33, *, size=8, broken=()):
        self.count, self.size, self.broken = count, size, frozenset(broken)
        self.passport = Passport(
            name="shades", split="train", images=count, classes=2, sha256=f"{count} {size}"
        )

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index in self.broken:
            raise DataError(f"shades/{index}.png: it cannot be decoded")
        draws = torch.Generator().manual_seed(index)
        bright = index % 2
        shape = (3, self.size, self.size)
        image = torch.randint(0, 160, shape, dtype=torch.uint8, generator=draws) + 90 * bright
        return Sample(image.to(torch.uint8), ClassScores.of(bright, 2), f"shade {index}")


class Regression:
    """Images of one pixel, and a straight line through their three values, with noise on it."""

    classes = ("value",)
    task = "classification"

    def __init__(self, count=32):
        draws = torch.Generator().manual_seed(0)
        self.pixels = torch.randint(0, 256, (count, 3, 1, 1), dtype=torch.uint8, generator=draws)
        noise = 0.1 * torch.randn(count, 1, generator=draws)
        self.values = self.features() @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.3 + noise
        self.passport = Passport(name="regression", split="train", images=count, classes=1, sha256="1")

    def features(self):
        return (self.pixels.flatten(1) / 255 - 0.5) / 0.25

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, index):
        return Sample(self.pixels[index], ClassScores(self.values[index]), str(index))


class Squares:
    """A bright square somewhere, its box and its mask."""

    classes = ("square",)
    task = "detection"

    def __init__(self, count=16):
        self.passport = Passport(name="squares", split="train", images=count, classes=1, sha256="2")

    def __len__(self):
        return self.passport.images

    def __getitem__(self, index):
        image = torch.zeros(3, 16, 16, dtype=torch.uint8)
        masks = torch.zeros(1, 16, 16, dtype=torch.bool)
        x, y = index % 8, index // 2 % 8
        image[:, y : y + 8, x : x + 8] = 255
        masks[:, y : y + 8, x : x + 8] = True
        boxes = torch.tensor([[x, y, x + 8, y + 8]], dtype=torch.float32)
        truth = Detections(boxes, torch.zeros(1, dtype=torch.int64), torch.ones(1), masks=masks)
        return Sample(image, truth, f"square {index}")


class Line(nn.Module):
    """Values from pixels by one linear layer."""

    preprocessing = Preprocessing((1, 1), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, images):
        return self.layer(images.flatten(1))

    def loss(self, outputs, truths):
        return {"squared_error": F.mse_loss(outputs, torch.stack([t.scores for t in truths]))}

    def decode(self, outputs):
        return [ClassScores(scores) for scores in outputs]


class Net(nn.Module):
    """A convolution, batch normalization, dropout and a linear layer: layers with state or random numbers."""

    preprocessing = Preprocessing((8, 8), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))

    def __init__(self, *, width=4, stop_after=None):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(width * 64, 2))
        self.stop_after = stop_after

    def forward(self, images):
        return self.head(self.body(images).flatten(1))

    def loss(self, outputs, truths):
        if self.stop_after is not None:
            if self.stop_after == 0:
                raise KeyboardInterrupt
            self.stop_after -= 1
        target = torch.stack([truth.scores for truth in truths])
        assert outputs.dtype == torch.float32
        return {"cross_entropy": F.cross_entropy(outputs, target), "size": 1e-3 * outputs.square().mean()}

    def decode(self, outputs):
        return [ClassScores(scores) for scores in outputs.softmax(1)]


class Crowded(Net):
    """Counts one object without a place in every step."""

    def __init__(self, **others):
        super().__init__(**others)
        self.register_buffer("shadowed", torch.zeros((), dtype=torch.int64), persistent=False)

    def loss(self, outputs, truths):
        terms = super().loss(outputs, truths)
        self.shadowed += 1
        return terms


class Finder(nn.Module):
    """One box from the image's rows and columns; remembers the truths it was last trained on."""

    preprocessing = Preprocessing((32, 32))

    def __init__(self, *, needs_masks=False):
        super().__init__()
        self.layer = nn.Linear(64, 4)
        self.needs_masks = needs_masks
        self.seen = []

    def forward(self, images):
        grey = images.mean(1)
        return 16 + 16 * self.layer(torch.cat((grey.mean(1), grey.mean(2)), 1))

    def loss(self, outputs, truths):
        self.seen = list(truths)
        return {"box": F.l1_loss(outputs, torch.stack([truth.boxes[0] for truth in truths]))}

    def decode(self, outputs):
        return [Detections(box[None], torch.zeros(1, dtype=torch.int64), torch.ones(1)) for box in outputs]


def fresh(kind=Net, *, seed=0, **options):
    """A newly initialized network; the same one for the same seed."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return kind(**options)


def state_of(net):
    """Everything that training changes in a network, for bitwise comparison."""
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def same_bits(a, b):
    """Whether two states agree in every bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
