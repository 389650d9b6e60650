"""What plugin authors test with: builders of values, fakes behind ports, and the contract."""
