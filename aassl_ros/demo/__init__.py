"""Run the whole loop once: collect, prepare, train, continue online with live recognition, evaluate, report."""
