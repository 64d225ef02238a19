"""The networks: configurations, the trunk, the heads, and the weights files that hold them."""
