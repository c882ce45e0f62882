"""The methods by name. A new one is one line here, over parts of objective.py; docs/methods.md says what each is."""

from __future__ import annotations

from aassl_ros.learning.objective import ActionAlignment, Method, SimCLR

METHODS: dict[str, Method] = {
    "simclr": Method(pairs="classic", base=SimCLR),
    "simclr_tt": Method(pairs="combined", base=SimCLR),
    "aa_simclr": Method(pairs="combined", base=SimCLR, action_term=ActionAlignment),
}
