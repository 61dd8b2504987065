"""Networks of PyPSA, as netCDF or as a folder of CSV files in a zip archive."""
