"""Shows bags, prepared data and a running robot in Rerun (extra `view`)."""
