"""Where and how numbers are computed: device, precision, compilation, thread priority."""
