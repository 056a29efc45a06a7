"""Running the product: what operators measure, keep, bring back and erase."""
