"""The single-machine profile: fetches the parts, starts, supervises and ends them."""
