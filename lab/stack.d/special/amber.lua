conflict("Amber")
