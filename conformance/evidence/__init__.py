"""The evidence bundle: one ZIP, one manifest, one signature; made after a run, verified offline by anybody."""
