cmake_minimum_required(VERSION 3.25)
# Writes OUTPUT, a header that says which commit of SOURCE is being built; leaves a file that says so already alone.
# cmake -DSOURCE=<folder> -DOUTPUT=<header> -P write_commit.cmake
execute_process(COMMAND git -C "${SOURCE}" describe --always --exclude=* --abbrev=12 --dirty
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "inline constexpr char kCommit[] = \"@commit@\";\n" @ONLY)
