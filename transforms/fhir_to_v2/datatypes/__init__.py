"""The guide's data type maps backwards, one function for each: a node in, the components of a field out."""
