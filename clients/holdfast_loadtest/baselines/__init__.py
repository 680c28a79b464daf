"""What the parts under the authority can do by themselves: the other side of every ratio, each at its best."""
