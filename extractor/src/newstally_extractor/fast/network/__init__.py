"""From features to entities: the layers and the decoder."""
