"""Code shared by the nodes: lifecycle, parameters, QoS, diagnostics, conversions, subscriptions."""
