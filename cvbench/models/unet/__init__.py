"""U-Net, as published and in the padded form that most people mean by the name.

U-Net: Convolutional Networks for Biomedical Image Segmentation. Ronneberger, Fischer, Brox, 2015.
https://arxiv.org/abs/1505.04597

`unet_original` reproduces the net of figure 1. The figure's input of 572 pixels gives 388 labelled
ones: each valid convolution costs a border of one pixel, in all 92 on each side. Its `size` is that of
the labelled output; the forward pass mirrors the missing border. With `tile` it labels a large image in
overlapping tiles, the strategy of figure 2.

Differences from the paper:
- Both: colour images; transposed convolutions start from N(0, 1/incoming), for no rectifier follows them.
  The paper's elastic deformations are the recipe's: `augment: {elastic: 10}`.
- Both: the option `dice` adds the Dice loss to the cross entropy.
- `unet_original`: the paper's weight map is 10 exp(-(d1 + d2)^2 / 50) on top of a weight that balances the
  classes' frequencies in the whole training set. Here that weight is 1: a net sees no data set (where most
  pixels are background, `dice` makes up for it). A cell is a connected region of one class, since a label
  map knows no cells. The paper gives no rate for the dropout at the end of the contracting path; here it is
  0.5, on the lowest feature map.
- `unet`: padded convolutions, so that the output has the input's size and nothing is cropped; batch
  normalisation after each 3 x 3 convolution, which then has no bias; no dropout, no weight map.
  `upsampling: bilinear` interpolates in place of transposed convolutions, with half the channels in the
  deep layers.

The cross connections are sometimes told as a later addition. They are the paper's own; new in the
padded form is only that both sides have one size, and that the output has the input's.

Weights: none come along.
"""

from cvbench.models.unet.variants import unet, unet_original

__all__ = ["unet", "unet_original"]
