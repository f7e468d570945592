"""One lesson on the page: predict, run, record, explain, one knob, challenge; and the quiz."""
