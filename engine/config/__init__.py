"""Configuration: YAML files of a site -> bound channels, with a finding for everything that is wrong or doubtful."""
