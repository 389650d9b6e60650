"""The conformance kit for plugin authors: builders, fakes, and the contract tests."""
