"""`aassl report`: one self-contained HTML page of a run, a study, a bag or a demo."""
