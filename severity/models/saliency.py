"""Saliency maps: which parts of an image move its score, by the authors' gradient."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_SIGMA_PIXELS = 5.0
_TRUNCATE = 3.5  # in standard deviations


def saliency_maps(gradients: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute saliency maps from gradients: squared, then blurred.

    Parameters
    ----------
    gradients
        Shape (N, rows, columns): of the geographic extent before clipping, in points, with
        respect to each pixel of the network's input on [-1024, 1024]. The authors compute it
        after clipping, which is the same within the scale and zero everywhere beyond its ends.

    Returns
    -------
    Same shape, float32, squared points per squared unit of the input; never negative, and
    comparable between images of one model version. Each map depends on its own image alone.

    References
    ----------
    * Cohen et al. 2020, arXiv:2005.11856, and their ``predict_severity.py``: skimage's
      ``filters.gaussian`` of sigma 5 and truncate 3.5, which continues the border outwards.
    """
    blurred: NDArray[np.float32] = ndimage.gaussian_filter(
        np.square(gradients),
        sigma=(0, _SIGMA_PIXELS, _SIGMA_PIXELS),
        truncate=_TRUNCATE,
        mode="nearest",
    )
    return blurred
