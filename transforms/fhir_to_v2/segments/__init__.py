"""The guide's segment maps backwards: one function for each segment, which writes it from the resources it tells of."""
