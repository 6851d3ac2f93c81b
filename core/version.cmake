# Writes OUT, which defines ebm::version(), where it would change: run by each build, since a commit is no change of a file.
# cmake -DSOURCE=… -DOUT=… -DVERSION=… -P version.cmake
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=8 --exclude=*
  OUTPUT_VARIABLE commit ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
if(commit)
  set(commit " (${commit})")
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#include \"core/version.h\"

const char* ebm::version() { return \"@VERSION@@commit@\"; }
" @ONLY)
