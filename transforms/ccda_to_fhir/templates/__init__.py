"""The templates: a module for each kind of entry, a function for each template, named by it."""
