"""U-Net: the published version, and the common version with padded convolutions.

U-Net: Convolutional Networks for Biomedical Image Segmentation. Ronneberger, Fischer, Brox, 2015.
https://arxiv.org/abs/1505.04597

`unet_original` reproduces the network of Fig. 1. Its input of 572 pixels gives 388 labeled pixels: the valid
convolutions remove a border of 92 pixels on each side. `size` is the size of the labeled output; the forward
pass adds the border by mirroring. With `tile`, a large image is labeled in overlapping tiles, as in Fig. 2.

Differences from the paper:
- Both: color images; transposed convolutions are initialized from N(0, 1/incoming), because no ReLU follows
  them. Set the paper's elastic deformations in the recipe: `augment: {elastic: 10}`.
- Both: the option `dice` adds the Dice loss to the cross entropy.
- `unet_original`: the paper's weight map is 10 exp(-(d1 + d2)^2 / 50) plus a weight that balances the class
  frequencies of the whole training set. Here that weight is 1, because a network does not see the dataset
  (if most pixels are background, use `dice`). A cell is a connected region of one class, because a label map
  does not separate touching cells. The paper gives no dropout rate for the end of the contracting path; here
  it is 0.5, on the lowest feature map.
- `unet`: padded convolutions, so the output has the size of the input and nothing is cropped; batch
  normalization after each 3 x 3 convolution, which then has no bias; no dropout, no weight map.
  `upsampling: bilinear` interpolates instead of using transposed convolutions, with half the channels in
  the deep layers.

The skip connections are the paper's own, not a later addition.

Weights: none are bundled.
"""

from cvbench.models.unet.variants import unet, unet_original

__all__ = ["unet", "unet_original"]
