"""The messages: which segments each has, and from which resources."""
