"""The guide's data type maps, one function for each: a `Value` in, an element out, None where there is nothing."""
