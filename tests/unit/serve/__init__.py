"""Ways in, without Ray and without a socket."""
