"""The pool of generated images that a discriminator is shown (Shrivastava et al. 2017, section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

DRAWS = 2  # uniform numbers that an exchange takes for each image


@keras.saving.register_keras_serializable("pixelzoo")
class ImagePool(layers.Layer):
    """Keeps `size` earlier images and shows them in the place of new ones, half of the time.

    Until it is full, every image is kept and returned. From then on, an image is returned as it is with probability
    1/2; otherwise it takes the place of a random one in the pool, and that one is returned. A discriminator that sees
    only the newest images forgets what the generator did before, and the two chase each other in circles.

    The pool is part of the model: it is saved and resumed, and every replica holds the same one.

    Args:
        size: how many images are kept; 0 returns every image as it is.
        image_shape: (height, width, channels).
    """

    def __init__(self, size: int, image_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.size, self.image_shape = int(size), tuple(image_shape)
        self.images = self.add_weight(
            (self.size, *self.image_shape), initializer="zeros", trainable=False, name="images"
        )
        self.filled = self.add_weight((), initializer="zeros", trainable=False, dtype="int32", name="filled")
        self.built = True

    def exchange(self, images: Any, draws: Any) -> Any:
        """Puts `images` into the pool one after the other, and returns what it gives in exchange.

        Args:
            images: float32 [n, *image_shape], those of this replica.
            draws: float32 [n, DRAWS], uniform in [0, 1), from the items' own seeds.

        Returns:
            float32 [n, *image_shape].
        """
        if not self.size:
            return images
        n = tf.shape(images)[0]
        everyone, draws, first = _of_all_replicas(images, draws)
        place = tf.range(tf.shape(everyone)[0])
        filling = self.filled + place < self.size
        swaps = ~filling & (draws[:, 0] < 0.5)
        slot = tf.where(filling, self.filled + place, tf.cast(draws[:, 1] * self.size, tf.int32))

        # All at once what a loop would do: the image in a slot is that of the last item which was put there.
        put = (filling | swaps)[None, :]
        before = put & (slot[None, :] == slot[:, None]) & (place[None, :] < place[:, None])
        found = self._last(before, everyone, tf.gather(self.images.value, slot))
        kept = self._last(put & (slot[None, :] == tf.range(self.size)[:, None]), everyone, self.images.value)
        answer = tf.where(swaps[:, None, None, None], found, everyone)
        self.images.assign(kept)
        self.filled.assign(tf.minimum(self.filled.value + tf.size(place), self.size))
        return answer[first : first + n]

    @staticmethod
    def _last(chosen: Any, images: Any, otherwise: Any) -> Any:
        """For each row of `chosen` bool [m, n] the last of `images` chosen in it, or the row of `otherwise`."""
        last = tf.reduce_max(tf.where(chosen, tf.range(tf.shape(images)[0])[None, :], -1), axis=1)
        found = tf.gather(images, tf.maximum(last, 0))
        return tf.where((last >= 0)[:, None, None, None], found, otherwise)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "image_shape": self.image_shape}


def _of_all_replicas(images: Any, draws: Any) -> tuple[Any, Any, Any]:
    """The images and draws of the global batch in its order, and where this replica's begin in it."""
    context = tf.distribute.get_replica_context()
    if tf.distribute.get_strategy().num_replicas_in_sync == 1 or context is None:
        return images, draws, 0
    gathered = [context.all_gather(part, axis=0) for part in (images, draws)]
    return *gathered, context.replica_id_in_sync_group * tf.shape(images)[0]
