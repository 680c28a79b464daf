"""Several segments behind one port.

Each segment has services of its own, which know no other. What is in front of them finds the segment that a request is
about, and puts together what several have to say.
"""
