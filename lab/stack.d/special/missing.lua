depends_on("netCDF-Fortran/4.5.2-gompi-2021a")
