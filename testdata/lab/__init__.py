"""The lab: real programs talk between network namespaces and are captured."""
