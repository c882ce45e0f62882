"""The whole loop in one run: collect, prepare, train, go on online while answering live, evaluate, report."""
