"""Published picture data sets, in the layouts they are published in: registry.py lists them."""
