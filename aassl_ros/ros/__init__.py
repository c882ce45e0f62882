"""What the nodes share: lifecycle, parameters, QoS, diagnostics, conversions, subscriptions."""
