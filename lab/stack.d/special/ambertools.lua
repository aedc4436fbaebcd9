conflict("AmberTools")
