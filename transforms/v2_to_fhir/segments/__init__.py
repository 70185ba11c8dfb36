"""The guide's segment maps, one function for each, a module for each segment: `pid_patient` is PID[Patient]."""
